import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Message } from '../core/message.ts';
import { ApiError } from './api.ts';
import { type Language, languageFor, type Words, WORDS } from './words.ts';

export interface Reader {
  language: Language;
  words: Words;
}

export const LanguageContext = createContext<Reader>({ language: 'en', words: WORDS.en });

const KEPT_LANGUAGE = 'shrinkbox-language';

/** The one chosen here before, else the browser's. */
export function firstLanguage(): Language {
  return languageFor(localStorage.getItem(KEPT_LANGUAGE), navigator.languages);
}

export function keepLanguage(language: Language): void {
  localStorage.setItem(KEPT_LANGUAGE, language);
}

let inChinese: typeof import('../messages/zh/index.ts').inChinese | undefined;

/** Fetches the daemon's sentences in a language, half of the page's bytes: before it is read, and only then. Never rejects. */
export async function learn(language: Language): Promise<void> {
  if (language !== 'zh' || inChinese) return;
  try {
    ({ inChinese } = await import('../messages/zh/index.ts'));
  } catch {
    // The connection is gone, which the page says; until it is loaded again, the daemon's sentences stay English.
  }
}

/** The language the person reads, and the page's words in it. */
export function useWords(): Reader {
  return useContext(LanguageContext);
}

/**
 * The daemon's text in the reader's language. The English stays if there is no code (journals of 0.1.0) or this version
 * does not know it.
 */
export function worded(language: Language, text: string, message: Message | null | undefined): string {
  return (language === 'zh' && message ? inChinese?.(message) : undefined) ?? text;
}

/** What went wrong, in the reader's language. */
export function problemOf(error: unknown, language: Language): string {
  if (!(error instanceof Error)) return String(error);
  return error instanceof ApiError ? worded(language, error.message, error.messages.message) : error.message;
}

/** The same, followed by what the person can do about it. */
export function problemAndHint(error: ApiError, language: Language): string {
  const problem = problemOf(error, language);
  if (error.hint === null) return problem;
  const hint = worded(language, error.hint, error.messages.hint);
  const stop = /[.!?…。！？]["”']?$/.test(problem) ? ' ' : language === 'zh' ? '。' : '. ';
  return `${problem}${stop}${hint}`;
}
