/** The dialog that asks for an API key. A page calls `keyDialog()` once and brings the words `key.*`. */

import { onKeyNeeded, setKey } from "./api.js";
import { element, setWords } from "./dom.js";

const PRINTABLE = /^[\x21-\x7e]{1,500}$/;

/** Words of the dialog, to be joined to a page's own. */
export const KEY_WORDS = {
  en: {
    "key.title": "API key needed",
    "key.why": "This service answers only callers with a key. Its operator makes one with “ragpress keys add NAME”.",
    "key.label": "API key",
    "key.remember": "Remember it in this browser",
    "key.where": "Without this it is forgotten when the tab is closed.",
    "key.use": "Continue",
    "key.cancel": "Cancel",
    "key.wrong": "That key was not accepted. It may be mistyped, expired or revoked.",
    "key.unprintable": "A key has printable ASCII characters and no spaces. Copy it again, whole.",
  },
  zh: {
    "key.title": "需要 API 密钥",
    "key.why": "本服务只回答持有密钥的调用者。管理员可用“ragpress keys add 名称”生成密钥。",
    "key.label": "API 密钥",
    "key.remember": "在此浏览器中记住",
    "key.where": "不勾选则关闭标签页后即忘记。",
    "key.use": "继续",
    "key.cancel": "取消",
    "key.wrong": "密钥未被接受：可能输入有误、已过期或已被吊销。",
    "key.unprintable": "密钥由可打印的 ASCII 字符组成，不含空格。请重新完整复制。",
  },
};

/** Let the service's want of a key open the dialog. */
export function keyDialog() {
  let tried = false;
  onKeyNeeded(async () => {
    const given = await open(tried);
    tried = given;
    return given;
  });
}

/**
 * @param {boolean} wrong the key before was refused
 * @returns {Promise<boolean>} whether a key was given
 */
function open(wrong) {
  const field = element("input", {
    id: "key-field",
    type: "password",
    autocomplete: "off",
    spellcheck: "false",
    required: true,
    "aria-describedby": "key-problem key-why",
  });
  const remember = element("input", { type: "checkbox", id: "key-remember", "aria-describedby": "key-where" });
  const problem = element("p", { id: "key-problem", class: "problem", role: "alert" });
  if (wrong) setWords(problem, "key.wrong");
  const cancel = element("button", { type: "button", class: "quiet", words: "key.cancel" });
  const form = element(
    "form",
    { method: "dialog", class: "dialog-form" },
    element("h2", { id: "key-title", words: "key.title" }),
    element("p", { id: "key-why", class: "soft", words: "key.why" }),
    element("label", { for: "key-field", words: "key.label" }),
    field,
    problem,
    element("div", { class: "check" }, remember, element("label", { for: "key-remember", words: "key.remember" })),
    element("p", { id: "key-where", class: "soft small", words: "key.where" }),
    element("div", { class: "row end" }, cancel, element("button", { class: "primary", words: "key.use" })),
  );
  const dialog = element("dialog", { class: "card-dialog", "aria-labelledby": "key-title" }, form);
  cancel.addEventListener("click", () => dialog.close("cancel"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const key = field.value.trim();
    if (!PRINTABLE.test(key)) return setWords(problem, "key.unprintable");
    setKey(key, remember.checked);
    dialog.close("given");
  });
  document.body.append(dialog);
  dialog.showModal();
  field.focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "given");
    });
  });
}
