import { languageOf, parseInstruction } from './parse.ts';

/**
 * What the engine that passes words on must know of them: their language (`de`), where one of those that instructions are read in
 * tells them apart from the others, and what they speak of.
 */
export function readWords(words: string): { language: string | undefined; speaksOf: ReadonlySet<string> } {
  return { language: languageOf(words), speaksOf: new Set(Object.keys(parseInstruction(words).target)) };
}
