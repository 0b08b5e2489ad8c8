"""Words that people put around what they say is right, in English and Chinese. Every one of them may be left out."""

from __future__ import annotations

import re
from collections.abc import Iterable


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _any_of(phrases: Iterable[str]) -> str:
    """A regular expression of phrases, of which the longest that fits is found."""
    return "|".join(sorted(phrases, key=lambda phrase: (-len(phrase), phrase)))


SAYING = _words("""
say says said saying states stated stating reads shows showed tell tells told mention mentions
mentioned lists listed claim claims write writes wrote written puts confirm confirms confirmed
confirming specify specifies specified reports reported notes noted think thinks thought believe
believes believed guess reckon know knows knew remember remembers recall recalls learned learnt hear
heard assume suppose see saw seen find found check checked checking verified verify looked look
asked ask called calls mean means meant answer answers answered reply replied give gives given gave
correct corrected fix fixed change changed update updated replace replaced go goes went
""")
"""Verbs of saying, finding and changing."""
BEING = _words("is are was were be been being am isn't wasn't aren't weren't it's that's equals namely")
"""Verbs between what was asked and what is claimed."""
DENYING = _words("wrong wrongly incorrect false outdated obsolete stale mistaken nonsense rubbish")
"""What says of something that it is not right."""
TURNING = SAYING | BEING | _words("to as that actually really correction honestly")
"""Behind these a claim may begin, and before them it may end."""
AFTERTHOUGHT = _words("as since per because so but according")
"""Behind these stands what a claim rests on, not the claim."""
ENDING = _words("""
please pls plz thanks thank thx cheers now instead actually really right correct btw imo imho afaik though then
already anyway again here ok okay lol period sorry not no i you we they he she my our your which what who
""")
"""Before these a claim may end."""
TALK = (
    SAYING
    | BEING
    | _words("""
a an the this that these those it its there here i i'm i've you you're your he she we they them his her their
our my me us one ones someone everybody everyone anybody people and or but so if as of for from in on at by with
to about than then too also just simply only even still already now currently nowadays today yesterday meanwhile
since until should shoud shuold must would woud could cuold can will shall may might ought need needs needed
have has had do does did done doesn't didn't don't haven't hasn't shouldn't wouldn't couldn't can't cannot won't
no not nope nah never yes yeah yep right wrong incorrect false true truth fact facts actual actually acutally
real really proper properly exact exactly precise precisely definitely definately certainly clearly obviously
surely sure pretty quite very totally completely totaly honestly frankly basically afaik imo imho iirc btw fyi
psa hi hello hey dear sorry please pls plz thanks thank thx cheers kindly ok okay well oh ah hmm um eh ugh wow
lol again wrongly mistake mistaken mistakes error errors typo nonsense rubbish bs outdated old obsolete stale
out date latest newest current recent new version edition response reply value result correctly answer's far
know what which where who when why how page pages doc docs document documents documentation manual manuals
handbook handbooks guide guides policy policies website websites site wiki wikipedia intranet file files source
sources sheet spreadsheet slides book books article articles text official officially section table row
colleague colleagues boss manager team teammate department finance hr legal support according per instead rather
better question bot chatbot ai assistant system info information details data double twice myself ourselves i'd
we're we've he's she's there's what's
memo memos newsletter email emails mail slack chat meeting minutes ticket thread blog faq appendix footnote
header screenshot spec specs specification changelog announcement notice circular bulletin recently lately
renamed announced published posted shared pointed noticed realised realized tested tried double-checked
cross-checked googled searched emailed coworker co-worker coworkers teacher professor admin expert helpdesk
accounting payroll dept staff friend wife mum dad anyone something anything everything nothing thing things
stuff bit lot lots kind sort figure wording spelling phrase quote quoted quotes citation cited reference
references trust bet positive certain confident afraid hope hopefully glad appreciate great good nice close
almost nearly miss missed missing got gotten getting get gets pulled picked took taken take takes came come
comes mixed mixing confused confusing misleading misread misquoted quoting citing refers referring refer guys
folks bot's model llm heads up down ever etc ie eg aka fwiw tbh ngl nb ps edit editor's sb s/b should've
would've could've that'd it'd that'll isnt wasnt arent dont doesnt didnt cant wont shouldnt wouldnt im ive youre
thats whats lets gonna gotta wanna plain wrongest both either much more most less between though although
because while whether unless except apart
use uses using used try tries expected expect expects expecting want wanted wants looking supposed insists
insist insisted literally always usually normally part important paragraph keep keeps kept work works worked run
runs meant intended decide decided agree agrees agreed prefer prefers preferred follow follows following stick
sticks apply applies applied means require requires required include includes included contain contains
contained hold holds held stand stands stood appear appears appeared turn turns turned happen happens happened
tend start started end ended remain remains remained become became becomes seem seems seemed sound sounds feel
felt help helps helped learn teach teaches taught explain explains explained describe describes described define
defines defined indicate indicates indicated point points note suggest suggests suggested recommend recommends
recommended instruct instructs time yet forget forgot forgotten remember word lines line number numbers name
names here's term terms
many advance job reality made front open simple accurate above mixes man nitpick quick unfortunately match
matches else look opening person told trainer trouble asked whole having umm seriously attention careful anymore
maybe perhaps probably apparently evidently
""")
)
"""Words that say nothing of what is right."""

_HAN_TURNING = _words("""
应为 应是 是不是 是否 难道 不就是 就是 也是 都是 才是 而是 是 为(?!了|何|什么|此) 叫做 叫 即 改成 改为 更正为
更正 订正 纠正 修改为 修改成 修改 更新为 更新成 更新 换成 替换成 替换 写成 写作 写的 写 说的 说 讲的 讲 答案
答复 回复 回答 正解 应该 应当 应 记得 觉得 认为 以为 知道 写着 标着 标的 显示 标明 写明 注明 说明 指出 提到 记载
列出 列着 给出 得出 查到 看到 查了一下 查了下 查了 查过了 查过 问了一下 问了下 问了 问过了 问过 核实了 核实过
核实 核对了 核对过 核对 确认了 确认过了 确认过 确认 听说 告诉 其实 实际上 实际 事实上 不对 错了 错误 有误 答错了
答错 说错了 说错 写错了 写错 搞错了 搞错 弄错了 弄错 记错了 记错 才 吧 了 得 要 成 的 一直是 规定的是 规定为
调整为 调整成 变更为 记录的是 登记的是 写得很清楚 说得很清楚 更正一下 纠正一下 修正为 修正一下 修正
改正为 改正 订正为 替换为 更新一下 建议改为 建议回答 建议 应该说 应该回答 应回答 正确答案 标准答案 参考答案
准确答案 正确说法 正确的说法 正确写法 实为 乃是 乃 即为 怎么会是 显然是 明显是 当然是 肯定是 必须是 绝对是
确实是 的确是 据悉 据了解 据查 经查 经核实 经确认 经核对 核实后 确认后 查证后 查证 查阅后 查阅 翻阅 看了看
看了眼 问了问 领导说 老板说 同事说 老师说 他们说 人家说 说过 提过 讲过 告诉我 跟我说 通知说 公告说 上面说 里面说
文件说 手册说 文档说 规定说 显示是 显示为 写的都是 写的就是 写的是 说的是 标的是 指的是 叫的是 应该写成 应写成
应改为 应改成 请改为 请改成 请更正为 麻烦改成 麻烦改为 没记错的话 的话 改了 改过 变了 换了 明明是 本来是 原来是
这里是 那是 这是 该是 得是 才叫 所以是 填的是 填 说法是 说法 写法 叫法 写了 说了 写明了 定的是 参考 答
参见 参照的是 回的是 理解是 结论是 口径是 要求是 标准是 依据是 结果是 改回 换回 用 改 想说 想 答对 应填
如下 记住是 应该回 应该填
""")
_HAN_ENDING = _words("""
吧 吗 嘛 呢 啊 哦 呀 哈 了 啦 咯 才是 才 对的 对吧 对 好吗 好么 行吗 可以吗 谢谢 多谢 感谢 辛苦了 辛苦 麻烦您
麻烦 为准 请 而不是 而非 的 没错 准没错 才行 无误 属实 就对了 才正确 才合理 才算 没问题 哈哈 呵呵 呗 喽 噢 哟
才是对的 才是正确的 是对的 是正确的 是正确答案 才对吧 才对啊 好伐 拜托 哦亲 么 更准确 更合适 比较合适 比较准确
更正确 更好 就好 就行 就可以 就可以了 合适 供参考 望采纳 来源 又
""")
_HAN_OTHER = _words("""
不对劲 不正确 不准确 不准 不太对 并不是 不是吧 不是 错的 全错 错 正确 准确 真正 事实 的 吧 哎呀 哎 唉 拜托 喂 诶
喔 嗯 您 烦请 劳驾 帮忙 改一下 我们 我 你们 你 他们 他 她 它们 它 咱们 大家 同事 老板 领导 主管 经理 财务部 财务
人事部 人事 法务部 法务 客服 部门 老师 朋友 人家 这个 这里 这条 这是 这 那个 那里 那是 那 印象里 印象中 印象
感觉 相信 确定 肯定 估计 猜 据我所知 据说 据 查 看了一下 看了下 看了 看过 看 问 翻了翻 翻了一下 搜了一下 搜了下
根据 按照 依据 参考 参照 手册 文档 文件 官网 官方 资料 网站 网页 页面 书上 书里 规定 通知 公告 制度 员工 公司
原文 原话 表格 表里 维基 百科 内部 上面 里面 里边 里头 明确 清楚 清清楚楚 明明 目前 现在 如今 现行 现 已经 已
早就 早已 早 都 就 还 也 而 但是 但 可是 可能 大概 好像 似乎 一下 下 你好 您好 抱歉 不好意思 到底 怎么 怎样 什么
哪里 哪 又 再 一直 老是 总是 可以 能 过时 过期 旧 最新 新 版本 版 内容 结果 信息 数据 问题 来说 来看 上 里 中 着
把 被 在 从 跟 和 与 及 由 给 让 帮 无疑 千真万确 明摆着 这边 那边 这儿 那儿 这次 上次 后来 之前 以前 原来 原先
早先 调整 从来 向来 通常 按规定 公告里 文件里 文档里 手册里 系统里 页面上 官网上 网上 书中 资料上 记录 登记
看清楚 仔细 注意 记住 提醒 补充 说明一下 麻烦改一下 改改 请更正 请修正 请核实 请核对 请确认 请注意 希望能 希望
嘿 咦 额 呃 嘞 嗨 大佬 亲 兄弟 老哥 各位 小编 机器人 系统 助手 模型 搞什么 什么鬼 胡说八道 胡说 瞎说 乱说 乱答
答非所问 不靠谱 离谱 失望 服了 无语 怎么会 怎么可能 不可能 显然 明显 很明显 当然 绝对 百分百 确实 的确
如果没记错 没记错 记错 对照 比对 這個 這 應該 應 對 說 寫 錯了 錯 請 實際上 為 嗎 們 個 來 後 裡 裏 時 還 沒 吶
查過 看過 問過 同事們 原因 依旧 仍 仍然 更 比较 挺 很 较 会 人 误导 务必 我司 司 望 采纳 没答对 答对 没 不信
自己 刚才 小错误 小 个人 那一栏 一栏 栏 每次 多少遍 遍 能不能 不太确定 再核对一下 页面底部 底部 有写 最后一页
一页 页 第 抽风 怎么还 试了 不行 以此为准 以此 次
""")
HAN_DENYING = re.compile(
    _any_of(
        _words(
            "不对 不正确 不准确 错误 有误 错了 错 过时 过期 答错了 答错 说错了 说错 写错了 写错 搞错了 搞错 弄错了 弄错"
        )
    )
)
"""The same in Chinese."""
HAN_TURNING = re.compile(_any_of(_HAN_TURNING))
"""The same in Chinese: behind these a claim may begin, and before them it may end."""
HAN_ENDING = re.compile(_any_of(_HAN_ENDING))
"""The same in Chinese: before these a claim may end."""
HAN_TALK = _any_of(_HAN_TURNING | _HAN_ENDING | _HAN_OTHER)
"""A regular expression of all that says nothing in Chinese."""
