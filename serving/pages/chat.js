/** The chat page: puts its parts together and holds the conversation that is shown. */

import { ask, earlier } from "./answering.js";
import { apiKey, forgetKey, requestJson } from "./api.js";
import { WORDS } from "./chat_words.js";
import { Composer } from "./composer.js";
import { confirmed } from "./dialogs.js";
import { byId, element } from "./dom.js";
import { failureRecord, failureText, isStopped } from "./failures.js";
import { languageButton, onLanguage, say, useWords } from "./i18n.js";
import { keep, kept } from "./kept.js";
import { keyDialog } from "./key_dialog.js";
import { PassagePanel } from "./passage.js";
import { Sidebar } from "./sidebar.js";
import * as store from "./store.js";
import { clean, languageOf } from "./text.js";
import { themeButton } from "./theme.js";
import { TurnView } from "./turn_view.js";

const MODEL = "ragpress.model";
const SHOWN = "ragpress.shown";
const NEAR_END = 120;

class ChatPage {
  #models = [];
  #conversation = store.newConversation("");
  /** Fulfilled once it is known what can be asked. */
  #ready = Promise.resolve();
  #stopping = new AbortController();
  #busy = false;
  /** @type {Map<store.Turn, TurnView>} */
  #views = new Map();
  #scroller = byId("scroller");
  #picker = byId("model");
  #passage = new PassagePanel();
  #composer = new Composer({ onAsk: (question) => this.#ask(question), onStop: () => this.#stopping.abort() });
  #sidebar = new Sidebar({
    onOpen: (id) => this.#open(store.load(id)),
    onNew: () => this.#new(),
    onRemoved: (id) => this.#removed(id),
    onRenamed: (id, title) => this.#renamed(id, title),
  });

  start() {
    this.#picker.addEventListener("change", () => this.#modelChosen());
    byId("sign-out").addEventListener("click", () => this.#signOut());
    addEventListener("storage", () => this.#sidebar.show(this.#conversation.id));
    onLanguage(() => this.#redraw());
    const shown = kept(SHOWN, sessionStorage);
    this.#show((shown && store.load(shown)) || this.#conversation);
    this.#ready = this.#loadModels();
  }

  async #loadModels() {
    try {
      const { data } = await requestJson("/v1/models");
      this.#models = data.map((one) => String(one.id));
      this.#notice(this.#models.length ? "" : say("models.none"));
    } catch (error) {
      this.#notice(failureText(failureRecord(error)));
    }
    byId("sign-out").hidden = !apiKey();
    this.#showModel();
  }

  #showModel() {
    const known = this.#models.includes(this.#conversation.model);
    const preferred = this.#models.find((one) => one === kept(MODEL)) ?? this.#models[0] ?? "";
    if (!known && this.#models.length) this.#conversation.model = preferred;
    this.#picker.replaceChildren(...this.#models.map((one) => element("option", { value: one }, clean(one))));
    this.#picker.value = this.#conversation.model;
    byId("picker").hidden = this.#models.length < 2;
  }

  #modelChosen() {
    keep(MODEL, this.#picker.value);
    if (this.#conversation.turns.length) this.#new();
    this.#conversation.model = this.#picker.value;
    this.#showModel();
  }

  #new() {
    this.#show(store.newConversation(this.#conversation.model));
    this.#composer.focus();
  }

  #open(conversation) {
    if (conversation) this.#show(conversation);
    this.#scroller.focus();
  }

  #removed(id) {
    if (id === null || id === this.#conversation.id) this.#new();
    else this.#sidebar.show(this.#conversation.id);
  }

  #renamed(id, title) {
    const conversation = id === this.#conversation.id ? this.#conversation : store.load(id);
    if (!conversation) return;
    conversation.title = title;
    this.#save(conversation);
    this.#showTitle();
  }

  #show(conversation) {
    this.#stopping.abort();
    this.#passage.close();
    this.#conversation = conversation;
    keep(SHOWN, conversation.id, sessionStorage);
    this.#redraw();
    this.#showModel();
    this.#sidebar.show(conversation.id);
  }

  /** Draw all turns anew; an answer that is being written goes on in its new place. */
  #redraw() {
    this.#views = new Map(this.#conversation.turns.map((turn) => [turn, this.#view(turn)]));
    byId("turns").replaceChildren(...[...this.#views.values()].map((view) => view.node));
    for (const view of this.#views.values()) view.stream();
    this.#showTitle();
    this.#showExamples();
    this.#toEnd();
  }

  #view(turn) {
    return new TurnView(turn, {
      onRetry: () => this.#retry(turn),
      onSource: (index) => this.#passage.open(turn.details, index),
      onRated: () => this.#save(this.#conversation),
    });
  }

  #showTitle() {
    const title = clean(this.#conversation.title);
    const heading = byId("title");
    heading.textContent = title || "ragpress";
    heading.lang = languageOf(title);
    document.title = title ? `${title} · ragpress` : "ragpress";
    byId("welcome").hidden = this.#conversation.turns.length > 0;
  }

  #showExamples() {
    const examples = ["example.1", "example.2", "example.3"].map((words) => {
      const onclick = () => this.#composer.fill(say(words));
      return element("li", {}, element("button", { type: "button", class: "chip", words, onclick }));
    });
    byId("examples").replaceChildren(...examples);
  }

  #retry(turn) {
    const turns = this.#conversation.turns;
    if (turns[turns.length - 1] === turn) {
      turns.pop();
      this.#views.get(turn)?.node.remove();
      this.#views.delete(turn);
    }
    this.#ask(turn.question);
  }

  async #ask(question) {
    if (this.#busy) return;
    const conversation = this.#conversation;
    const turn = store.newTurn(question);
    const messages = [...earlier(conversation.turns), { role: "user", content: question }];
    conversation.turns.push(turn);
    conversation.title ||= store.titleOf(question);
    this.#views.set(turn, this.#view(turn));
    byId("turns").append(this.#views.get(turn).node);
    this.#save(conversation);
    this.#showTitle();
    this.#toEnd();
    await this.#answer(conversation, turn, messages);
  }

  async #answer(conversation, turn, messages) {
    this.#stopping = new AbortController();
    this.#setBusy(true);
    const onText = (piece) => {
      const follows = this.#nearEnd();
      turn.text += piece;
      this.#views.get(turn)?.stream();
      if (follows) requestAnimationFrame(() => this.#toEnd());
    };
    try {
      await this.#ready;
      conversation.model ||= this.#models[0] ?? "";
      this.#stopping.signal.throwIfAborted();
      turn.details = await ask({ model: conversation.model, messages, signal: this.#stopping.signal, onText });
      turn.state = "complete";
    } catch (error) {
      turn.state = isStopped(error) ? "stopped" : "failed";
      turn.failure = isStopped(error) ? null : failureRecord(error);
    } finally {
      this.#setBusy(false);
      this.#ended(conversation, turn);
    }
  }

  #ended(conversation, turn) {
    const follows = this.#nearEnd();
    const view = this.#views.get(turn);
    this.#save(conversation);
    byId("sign-out").hidden = !apiKey();
    if (!view) return;
    view.update();
    byId("announcer").textContent = view.announcement();
    if (follows) this.#toEnd();
  }

  #setBusy(busy) {
    this.#busy = busy;
    this.#composer.setBusy(busy);
  }

  #save(conversation) {
    conversation.updated = Date.now();
    if (!store.save(conversation)) this.#notice(say("history.off"));
    this.#sidebar.show(this.#conversation.id);
  }

  #notice(text) {
    const notice = byId("notice");
    notice.textContent = text;
    notice.hidden = !text;
  }

  async #signOut() {
    const words = { title: "key.out.title", text: "key.out.text", yes: "key.out", option: "key.out.history" };
    const answer = await confirmed(words);
    if (!answer) return;
    forgetKey();
    if (answer.option) {
      store.removeAll();
      this.#new();
    }
    byId("sign-out").hidden = true;
    await this.#loadModels();
  }

  #nearEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    return scrollHeight - scrollTop - clientHeight < NEAR_END;
  }

  #toEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }
}

useWords(WORDS);
themeButton(byId("theme"));
languageButton(byId("language"));
keyDialog();
new ChatPage().start();
