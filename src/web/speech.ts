import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { type Language, type Words, WORDS } from './words.ts';

export const Speech = createContext<{ language: Language; words: Words }>({ language: 'en', words: WORDS.en });

/** The language the person reads. */
export function useWords(): { language: Language; words: Words } {
  return useContext(Speech);
}
