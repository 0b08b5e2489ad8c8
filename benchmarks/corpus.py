"""Markdown of made-up text: words by Zipf's law, headings, lists, code, some Chinese; no two alike."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

FILE_BYTES = 8_000
_SEED = 20260801
_VOCABULARY = 12_000
_COMMON = (
    "the of and to in a is that for it as with on are by this be from or an at which not can have you when if all "
    "one has will each more was use other their also time only new how into some may must set file data value "
    "request response server client model index search document version release page text number name list type "
    "function call return error message user system process memory query field default option example"
)
_HAN = (
    "我们 文档 系统 可以 使用 数据 检索 模型 版本 发布 索引 如果 需要 一个 这个 文件 用户 请求 响应 服务 配置 参数 "
    "默认 错误 信息 时间 内容 支持 函数 返回 类型 例如 因为 所以 但是 以及 所有 部分 更新 删除 添加 测试 运行 结果 "
    "问题 方法 功能 项目 中文 英文 段落 标题 表格 代码 处理 解析 清理 切分 向量 存储 指针 快照 并发 线程 进程 内存"
)
_CONSONANTS = "bcdfghlmnprstv"
_VOWELS = "aeio"


class Writer:
    """Writes sentences with one seeded generator; rank r of the vocabulary comes with weight 1/r."""

    def __init__(self) -> None:
        self.random = random.Random(_SEED)
        self._words = [*_COMMON.split(), *self._made_up(_VOCABULARY)]
        self._han = _HAN.split()
        self._weights = list(accumulate(1 / rank for rank in range(1, len(self._words) + 1)))
        self._han_weights = list(accumulate(1 / rank for rank in range(1, len(self._han) + 1)))

    def words(self, count: int) -> list[str]:
        """So many English-looking words."""
        return self.random.choices(self._words, cum_weights=self._weights, k=count)

    def paragraph(self) -> str:
        """Three to six sentences."""
        return " ".join(self.sentence() for _ in range(self.random.randint(3, 6)))

    def sentence(self) -> str:
        """One sentence of seven to twenty words."""
        found = self.words(self.random.randint(7, 20))
        return " ".join(found).capitalize() + "."

    def han_paragraph(self) -> str:
        """Two to five Chinese sentences."""
        return "".join(self._han_sentence() for _ in range(self.random.randint(2, 5)))

    def file(self, number: int) -> str:
        """One file of about :data:`FILE_BYTES` bytes."""
        parts = [f"# {self._heading()} {number}", self.paragraph()]
        size = sum(map(len, parts))
        while size < FILE_BYTES:
            part = self._part()
            size += len(part.encode()) + 2
            parts.append(part)
        return "\n\n".join(parts) + "\n"

    def _part(self) -> str:
        kind = self.random.random()
        if kind < 0.15:
            return f"{'#' * self.random.choice((2, 2, 3))} {self._heading()}"
        if kind < 0.25:
            return "\n".join(f"- {self.sentence()}" for _ in range(self.random.randint(3, 6)))
        if kind < 0.32:
            lines = (f"{name} = {other}({self.random.randint(0, 999)})" for name, other in self._pairs())
            return "```python\n" + "\n".join(lines) + "\n```"
        return self.han_paragraph() if kind < 0.42 else self.paragraph()

    def _heading(self) -> str:
        return " ".join(self.words(self.random.randint(2, 5))).capitalize()

    def _pairs(self) -> Sequence[tuple[str, str]]:
        found = self.words(2 * self.random.randint(3, 8))
        return list(zip(found[::2], found[1::2], strict=True))

    def _han_sentence(self) -> str:
        count = self.random.randint(6, 16)
        return "".join(self.random.choices(self._han, cum_weights=self._han_weights, k=count)) + "。"

    def _made_up(self, count: int) -> list[str]:
        found: dict[str, None] = {}
        while len(found) < count:
            syllables = range(self.random.randint(2, 5))
            word = "".join(self.random.choice(_CONSONANTS) + self.random.choice(_VOWELS) for _ in syllables)
            found[word] = None
        return list(found)


def write_corpus(folder: Path, files: int) -> int:
    """Write so many files, a hundred to a folder; returns their bytes."""
    writer, size = Writer(), 0
    for number in range(files):
        path = folder / f"part-{number // 100:03d}" / f"page-{number:05d}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        size += path.write_bytes(writer.file(number).encode())
    return size


def edit(path: Path, text: str) -> None:
    """Replace the second-to-last paragraph of a file."""
    parts = path.read_text(encoding="utf-8").split("\n\n")
    parts[-2] = text
    path.write_text("\n\n".join(parts), encoding="utf-8")
