/**
 * A small part of Markdown as nodes: paragraphs, headings, lists, quotes, tables, fenced code; bold, italics, code in a
 * line, and citations `[n]`. A link is shown as its text, an image as its description; HTML is text.
 *
 * A block is final as soon as the next one begins, so while an answer streams only its last block is drawn anew.
 */

import { element } from "./dom.js";
import { clean } from "./text.js";

/** @typedef {(number: number) => Node} Cite makes what stands for `[n]` */
/** @typedef {{kind: string, start: number, lines: string[]}} Block */

const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const HEADING = /^ {0,3}#{1,6}\s+(.*?)\s*#*$/;
const ITEM = /^( {0,6})([-*+•]|\d{1,4}[.)、])\s+(.*)$/;
const QUOTE = /^ {0,3}> ?(.*)$/;
const ROW = /^\s*\|.*\|\s*$/;
const RULE = /^ {0,3}([-*_])( *\1){2,} *$/;
const PARTS =
  /(`{1,3})([^`\n]+)\1|\*\*([^*\n]+)\*\*|\*([^*\s][^*\n]*)\*|\[(\d{1,4})\]|!?\[([^[\]\n]*)\]\([^()\n]*\)/g;
// A block longer than this is shown as plain text: no answer that is meant to be read has one.
const LONGEST = 20_000;

/** Draws a growing text into an element. */
export class MarkdownView {
  #node;
  #cite;
  /** @type {{block: Block, node: Node}[]} */
  #drawn = [];
  #text = "";

  /**
   * @param {HTMLElement} node is filled with the blocks
   * @param {Cite} cite
   */
  constructor(node, cite) {
    this.#node = node;
    this.#cite = cite;
  }

  /**
   * Show a text that begins with the one shown before.
   * @param {string} text as it came
   */
  show(text) {
    this.#text = clean(text);
    const last = this.#drawn.pop();
    last?.node.parentNode?.removeChild(last.node);
    for (const block of blocks(this.#text, last?.block.start ?? 0)) {
      const node = blockNode(block, this.#cite);
      this.#node.append(node);
      this.#drawn.push({ block, node });
    }
  }

  /**
   * Draw everything anew, with other citations.
   * @param {Cite} cite
   */
  redraw(cite) {
    this.#cite = cite;
    this.#drawn = [];
    this.#node.replaceChildren();
    this.show(this.#text);
  }
}

/**
 * The blocks of a text from a place on where a block begins.
 * @param {string} text
 * @param {number} from
 * @returns {Block[]}
 */
export function blocks(text, from) {
  const found = [];
  /** @type {Block | null} */
  let open = null;
  let fence = "";
  for (let at = from; at < text.length; ) {
    const newline = text.indexOf("\n", at);
    const end = newline < 0 ? text.length : newline;
    const line = text.slice(at, end);
    const kind = fence ? "code" : kindOf(line);
    if (!open || !(fence || continues(open, kind, line))) {
      open = kind === "blank" ? null : { kind, start: at, lines: [] };
      if (open) found.push(open);
    }
    open?.lines.push(line);
    fence = fenceAfter(fence, line);
    if (open?.kind === "code" && !fence) open = null;
    at = end + 1;
  }
  return found;
}

/** @returns {string} the fence that is open after a line */
function fenceAfter(fence, line) {
  const mark = FENCE.exec(line)?.[1];
  if (!mark) return fence;
  if (!fence) return mark;
  return mark.startsWith(fence) ? "" : fence;
}

function kindOf(line) {
  if (!line.trim()) return "blank";
  if (FENCE.test(line)) return "code";
  if (HEADING.test(line)) return "heading";
  if (RULE.test(line)) return "rule";
  if (ITEM.test(line)) return "list";
  if (QUOTE.test(line)) return "quote";
  return ROW.test(line) ? "table" : "paragraph";
}

function continues(open, kind, line) {
  if (kind === "blank" || kind === "heading" || kind === "code" || kind === "rule") return false;
  if (open.kind === "list") return kind === "list" ? sameList(open.lines[0], line) : kind === "paragraph";
  if (open.kind === "paragraph") return kind === "paragraph";
  return open.kind === kind && (kind === "quote" || kind === "table");
}

/** Items may be indented below others; at the margin, numbers and bullets make lists of their own. */
function sameList(first, line) {
  const indented = /^ {2,}/.test(line);
  return indented || isNumbered(first) === isNumbered(line);
}

function isNumbered(line) {
  return /^\s*\d/.test(line);
}

function blockNode(block, cite) {
  const text = block.lines.join("\n");
  if (text.length > LONGEST) return element("p", { class: "plain" }, text);
  if (block.kind === "code") return element("pre", { tabindex: "0" }, element("code", {}, codeOf(block.lines)));
  if (block.kind === "rule") return element("hr");
  if (block.kind === "heading") return element("p", { class: "heading" }, ...inline(HEADING.exec(text)?.[1] ?? "", cite));
  if (block.kind === "list") return listNode(block.lines, cite);
  if (block.kind === "table") return tableNode(block.lines, cite);
  if (block.kind === "quote") return element("blockquote", {}, ...lineNodes(block.lines.map(unquoted), cite));
  return element("p", {}, ...lineNodes(block.lines, cite));
}

function unquoted(line) {
  return QUOTE.exec(line)?.[1] ?? line;
}

function codeOf(lines) {
  const closed = lines.length > 1 && FENCE.test(lines[lines.length - 1]);
  return lines.slice(1, closed ? -1 : undefined).join("\n");
}

function lineNodes(lines, cite) {
  return lines.flatMap((line, at) => [...(at ? [element("br")] : []), ...inline(line.trim(), cite)]);
}

function listNode(lines, cite) {
  const numbered = isNumbered(lines[0]);
  const start = Number.parseInt(lines[0].trim(), 10);
  const list = element(numbered ? "ol" : "ul", { start: numbered && start !== 1 ? start : null });
  for (const line of lines) {
    const item = ITEM.exec(line);
    if (item) {
      const depth = item[1].length >= 2 ? "deeper" : null;
      list.append(element("li", { class: depth }, ...inline(item[3], cite)));
    } else list.lastElementChild?.append(" ", ...inline(line.trim(), cite));
  }
  return list;
}

function tableNode(lines, cite) {
  const rows = lines.filter((line) => !/^[\s|:-]+$/.test(line)).map(cellsOf);
  const headed = lines.length > 1 && /^[\s|:-]+$/.test(lines[1]);
  const table = element("table");
  rows.forEach((cells, at) => {
    const tag = headed && at === 0 ? "th" : "td";
    const nodes = cells.map((cell) => element(tag, { scope: tag === "th" ? "col" : null }, ...inline(cell, cite)));
    table.append(element("tr", {}, ...nodes));
  });
  return element("div", { class: "table", tabindex: "0" }, table);
}

function cellsOf(line) {
  return line.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());
}

/**
 * The nodes of a line.
 * @param {string} text
 * @param {Cite} cite
 * @returns {Node[]}
 */
export function inline(text, cite) {
  const nodes = [];
  let from = 0;
  for (const found of text.matchAll(PARTS)) {
    if (found.index > from) nodes.push(new Text(text.slice(from, found.index)));
    nodes.push(...partNodes(found, cite));
    from = found.index + found[0].length;
  }
  if (from < text.length) nodes.push(new Text(text.slice(from)));
  return nodes;
}

function partNodes(found, cite) {
  const [, , code, bold, italic, number, linked] = found;
  if (code !== undefined) return [element("code", {}, code)];
  if (number !== undefined) return [cite(Number(number))];
  if (linked !== undefined) return [new Text(linked)];
  if (italic !== undefined) return [element("em", {}, ...inline(italic, cite))];
  return [element("strong", {}, ...inline(bold, cite))];
}
