/**
 * The page's own words, complete in both languages, by subject. What the daemon says about jobs comes with codes and is worded by
 * `messages/` (see language.ts).
 */
import * as archive from './words/archive.ts';
import * as fleet from './words/fleet.ts';
import * as jobs from './words/jobs.ts';
import * as library from './words/library.ts';
import * as lists from './words/lists.ts';
import * as page from './words/page.ts';
import * as settings from './words/settings.ts';
import * as space from './words/space.ts';
import * as upload from './words/upload.ts';

export type Language = 'en' | 'zh';

const en = {
  ...page.en,
  ...lists.en,
  ...jobs.en,
  ...space.en,
  ...upload.en,
  ...settings.en,
  ...archive.en,
  ...fleet.en,
  ...library.en,
};

export type Words = typeof en;

export const WORDS: Readonly<Record<Language, Words>> = {
  en,
  zh: {
    ...page.zh,
    ...lists.zh,
    ...jobs.zh,
    ...space.zh,
    ...upload.zh,
    ...settings.zh,
    ...archive.zh,
    ...fleet.zh,
    ...library.zh,
  },
};

/** The first requested language that the page has. */
export function languageFor(kept: string | null, wanted: readonly string[]): Language {
  for (const tag of [kept ?? '', ...wanted]) {
    const found = (['en', 'zh'] as const).find(language => tag.toLowerCase().split('-')[0] === language);
    if (found) return found;
  }
  return 'en';
}
