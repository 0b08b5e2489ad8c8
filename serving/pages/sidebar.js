/** The list of conversations. It stands beside them where there is room, else in a drawer. */

import { confirmed } from "./dialogs.js";
import { byId, element, icon } from "./dom.js";
import { clean, languageOf } from "./text.js";
import * as store from "./store.js";

const WIDE = matchMedia("(min-width: 900px)");

/** @typedef {{onOpen: (id: string) => void, onNew: () => void, onRemoved: (id: string | null) => void,
 *   onRenamed: (id: string, title: string) => void}} Actions */

export class Sidebar {
  #actions;
  #nav = byId("sidebar");
  #drawer = byId("drawer");
  #list = byId("conversations");
  #current = "";

  /** @param {Actions} actions */
  constructor(actions) {
    this.#actions = actions;
    byId("new").addEventListener("click", () => this.#then(actions.onNew));
    byId("delete-all").addEventListener("click", () => this.#removeAll());
    byId("menu").addEventListener("click", () => this.#drawer.showModal());
    byId("close-drawer").addEventListener("click", () => this.#drawer.close());
    this.#drawer.addEventListener("click", (event) => {
      if (event.target === this.#drawer) this.#drawer.close();
    });
    WIDE.addEventListener("change", () => this.#place());
    this.#place();
  }

  /**
   * Draw the list.
   * @param {string} current id of the conversation that is shown
   */
  show(current) {
    this.#current = current;
    const all = store.conversations();
    this.#list.replaceChildren(...all.map((one) => this.#item(one)));
    byId("no-conversations").hidden = all.length > 0;
    byId("delete-all").hidden = all.length === 0;
  }

  #place() {
    if (WIDE.matches) {
      this.#drawer.close();
      byId("layout").prepend(this.#nav);
    } else this.#drawer.append(this.#nav);
  }

  #then(action) {
    if (this.#drawer.open) this.#drawer.close();
    action();
  }

  #item({ id, title }) {
    const shown = clean(title);
    const values = { title: shown };
    const open = element(
      "button",
      {
        type: "button",
        class: "conversation",
        lang: languageOf(shown),
        title: shown,
        "aria-current": id === this.#current ? "true" : null,
        onclick: () => this.#then(() => this.#actions.onOpen(id)),
      },
      shown,
    );
    const rename = small("pencil", "rename", values, () => this.#rename(item, id, shown));
    const remove = small("trash", "delete", values, () => this.#remove(id));
    const item = element("li", {}, open, rename, remove);
    return item;
  }

  #rename(item, id, title) {
    const field = element("input", { type: "text", maxlength: "200", wordsLabel: "rename.label" });
    let done = false;
    const finish = (kept) => {
      if (done) return;
      done = true;
      const wanted = store.titleOf(field.value);
      if (kept && wanted) this.#actions.onRenamed(id, wanted);
      else this.show(this.#current);
      byId("sidebar").querySelector("[aria-current]")?.focus();
    };
    field.value = title;
    field.addEventListener("blur", () => finish(true));
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.isComposing) finish(true);
      if (event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      finish(false);
    });
    item.replaceChildren(field);
    field.select();
  }

  async #remove(id) {
    if (!(await confirmed({ title: "delete.one.title", text: "delete.one.text", yes: "delete.yes" }))) return;
    store.remove(id);
    this.#actions.onRemoved(id);
  }

  async #removeAll() {
    if (!(await confirmed({ title: "delete.all.title", text: "delete.all.text", yes: "delete.yes" }))) return;
    store.removeAll();
    this.#actions.onRemoved(null);
  }
}

function small(drawing, words, values, onclick) {
  const attributes = { type: "button", class: "icon-button on-item", wordsLabel: words, values, onclick };
  return element("button", attributes, icon(drawing));
}
