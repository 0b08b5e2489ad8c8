/** The words of the dashboard. */

import { en } from "./admin_words_en.js";
import { zh } from "./admin_words_zh.js";
import { KEY_WORDS } from "./key_dialog.js";

export const WORDS = { en: { ...KEY_WORDS.en, ...en }, zh: { ...KEY_WORDS.zh, ...zh } };
