/** The words of the dashboard. */

import { FINDING_WORDS } from "./admin_words_findings.js";
import { en } from "./admin_words_en.js";
import { zh } from "./admin_words_zh.js";
import { KEY_WORDS } from "./key_dialog.js";

export const WORDS = { en: { ...KEY_WORDS.en, ...FINDING_WORDS.en, ...en }, zh: { ...KEY_WORDS.zh, ...FINDING_WORDS.zh, ...zh } };
