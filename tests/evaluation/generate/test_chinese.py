from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.generate.chinese import ask_chinese


@pytest.mark.parametrize(
    ("sentence", "question", "answer"),
    [
        ("固定螺栓的拧紧力矩为 8 牛米，过紧会损坏支架。", "固定螺栓的拧紧力矩为多少牛米？", "8 牛米"),
        (
            "上一次测试的点击率为百分之六点二，今年的目标是百分之四以下。",
            "上一次测试的点击率为百分之多少？",
            "百分之六点二",
        ),
        (
            "华沙的第一家证券交易所成立于 1817 年，一直营业到第二次世界大战。",
            "华沙的第一家证券交易所成立于哪一年？",
            "1817 年",
        ),
        ("氧气的名称是由 安托万·拉瓦锡 于1777年命名的。", "氧气的名称是由谁于1777年命名的？", "安托万·拉瓦锡"),
        ("电量低于百分之十时，红灯每分钟闪一次。", "电量低于百分之多少时，红灯每分钟闪一次？", "百分之十"),
        ("科尔尼大道是一条两车道的乡村小路，两旁都种着树。", "科尔尼大道是什么？", "一条两车道的乡村小路"),
        ("气泵寿命约 30000 小时，停转时设备报告错误代码 E21。", "气泵寿命约多少小时？", "30000 小时"),
        ("哈德良长城的长度是73英里（117公里）。", "哈德良长城的长度是多少英里？", "73英里"),
        ("灯塔的高度应在 2.5 米到 4 米之间。", "灯塔的高度应在多少米之间？", "2.5 米到 4 米"),
        ("法国正规军增援部队于1756年5月抵达新法国。", "法国正规军增援部队于什么时候抵达新法国？", "1756年5月"),
        ("红灯：二氧化碳高于 1200 ppm，请马上开窗五分钟。", "", ""),
    ],
)  # fmt: skip
def test_the_fact_is_replaced_by_the_word_that_asks_for_it(sentence: str, question: str, answer: str) -> None:
    asked = [(one.question, one.answer) for one in ask_chinese(sentence)]
    assert (question, answer) in asked if question else asked == []


@pytest.mark.parametrize(
    "sentence",
    [
        "它每 60 秒上传一次数据，并保存 90 天的记录。",
        "因此该设备需要 24 小时才能稳定。",
        "后来被称为七年战争。",
        "从1754年的战役到1760年的战役，双方伤亡惨重。",
        "法国的改革宗成员通常被称为胡格诺派。",
        "特雷弗·马丁在《神秘博士和通往末日的七个关键》演出中扮演了一个角色。",
        "森林每公顷每年积累 0.62 ± 0.37 吨碳",
        "这需要 12 天。",
        "比赛还剩 3 分 08 秒。",
    ],
)
def test_what_has_no_subject_or_is_part_of_a_name_gives_nothing(sentence: str) -> None:
    assert ask_chinese(sentence) == []


@given(
    st.text(alphabet=st.sampled_from("渡轮码头需要为是在由年月日天 12一二三百分之，。；：（）《》10%个名"), max_size=60)
)
def test_every_answer_is_words_of_the_sentence(sentence: str) -> None:
    for asked in ask_chinese(f"{sentence}。"):
        assert "".join(asked.answer.split()) in "".join(sentence.split())
        assert asked.question.endswith("？")
