/**
 * A sentence for a person, as code and parameters, kept beside its English text so that it can be shown in another language.
 * `messages/` holds the wording; a text is never parsed back.
 */

/** The value of a placeholder: text or a number, another sentence, or several. */
export type MessageParam = string | number | Sentence | readonly Sentence[];

/** A code of the catalogue with its parameters; survives JSON unchanged. */
export interface Message {
  code: string;
  params?: Readonly<Record<string, MessageParam>>;
}

/** A message with its English text, for logs, the command line and journals of any age. */
export interface Sentence extends Message {
  text: string;
}

/** Somebody else's words, which are shown as they are in every language. */
export function verbatim(text: string): Sentence {
  return { code: 'verbatim', text };
}

/** The message of a sentence without its text; `undefined` for a plain string, which has no code. */
export function messageOf(said: Sentence | string | undefined): Message | undefined {
  return said === undefined || typeof said === 'string' ? undefined : { code: said.code, params: said.params };
}

/** The codes of a reason's sentences; `undefined` if neither has one, so that no empty object is journaled. */
export function reasonMessages(text?: Message, hint?: Message): { text?: Message; hint?: Message } | undefined {
  return text || hint ? { text, hint } : undefined;
}

export function textOf(said: Sentence | string): string;
export function textOf(said: Sentence | string | undefined): string | undefined;
export function textOf(said: Sentence | string | undefined): string | undefined {
  return typeof said === 'object' ? said.text : said;
}
