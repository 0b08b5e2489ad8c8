"""Words that people put around what they say is right, in English and Chinese. Every one of them may be left out."""

from __future__ import annotations

import re
from collections.abc import Iterable


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _any_of(phrases: Iterable[str]) -> str:
    """A regular expression of phrases, of which the longest that fits is found."""
    return "|".join(sorted(phrases, key=lambda phrase: (-len(phrase), phrase)))


_SAYING = _words("""
say says said saying state states stated stating read reads show shows showed tell tells told mention mentions
mentioned list lists listed claim claims write writes wrote written put puts confirm confirms confirmed
confirming specify specifies specified report reports reported note notes noted think thinks thought believe
believes believed guess reckon know knows knew remember remembers recall recalls learned learnt hear heard
assume suppose see saw seen find found check checked checking verified verify looked look asked ask called call
calls mean means meant answer answers answered reply replied give gives given gave correct corrected fix fixed
change changed update updated replace replaced make set go goes went use used
""")
BEING = _words("is are was were be been being am isn't wasn't aren't weren't it's that's equals namely")
"""Verbs between what was asked and what is claimed."""
DENYING = _words("wrong wrongly incorrect false outdated obsolete stale mistaken nonsense rubbish")
"""What says of something that it is not right."""
TURNING = _SAYING | BEING | _words("to as that actually really correction honestly")
"""Behind these a claim may begin, and before them it may end."""
ENDING = _words("""
please pls plz thanks thank thx cheers now instead actually really right correct btw imo imho afaik though then
already anyway again here ok okay lol period sorry not no i you we they he she my our your which what who
""")
"""Before these a claim may end."""
TALK = (
    _SAYING
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
""")
)
"""Words that say nothing of what is right."""

_HAN_TURNING = _words("""
应为 应是 是不是 是否 难道 不就是 就是 也是 都是 才是 而是 是 为(?!了|何|什么|此) 叫做 叫 即 改成 改为 更正为
更正 订正 纠正 修改为 修改成 修改 更新为 更新成 更新 换成 替换成 替换 写成 写作 写的 写 说的 说 讲的 讲 答案
答复 回复 回答 正解 应该 应当 应 记得 觉得 认为 以为 知道 写着 标着 标的 显示 标明 写明 注明 说明 指出 提到 记载
列出 列着 给出 得出 查到 看到 查了一下 查了下 查了 查过了 查过 问了一下 问了下 问了 问过了 问过 核实了 核实过
核实 核对了 核对过 核对 确认了 确认过了 确认过 确认 听说 告诉 其实 实际上 实际 事实上 不对 错了 错误 有误 答错了
答错 说错了 说错 写错了 写错 搞错了 搞错 弄错了 弄错 记错了 记错 才 吧 了 得 要 成 的
""")
_HAN_ENDING = _words("""
吧 吗 嘛 呢 啊 哦 呀 哈 了 啦 咯 才是 才 对的 对吧 对 好吗 好么 行吗 可以吗 谢谢 多谢 感谢 辛苦了 辛苦 麻烦您
麻烦 为准 请 而不是 而非 的
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
把 被 在 从 跟 和 与 及 由 给 让 帮
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
