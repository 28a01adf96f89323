import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Message } from '../core/message.ts';
import { inChinese } from '../messages/zh/index.ts';
import { ApiError } from './api.ts';
import { type Language, type Words, WORDS } from './words.ts';

export interface Reader {
  language: Language;
  words: Words;
}

export const LanguageContext = createContext<Reader>({ language: 'en', words: WORDS.en });

/** The language the person reads, and the page's words in it. */
export function useWords(): Reader {
  return useContext(LanguageContext);
}

/**
 * The daemon's text in the reader's language. The English stays if there is no code (journals of 0.1.0) or this version
 * does not know it.
 */
export function worded(language: Language, text: string, message: Message | null | undefined): string {
  return (language === 'zh' && message ? inChinese(message) : undefined) ?? text;
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
