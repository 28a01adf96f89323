/** Libraries beside the pairs of inbox and outbox: how both are one to whatever only asks where jobs come from. */
import type { Config, Folder, Library, Rule } from './load.ts';
import { DEFAULT_OUTPUT } from './output-template.ts';

/** What a library gets where the file has no rules at all: nobody asked for a size, so nothing may be seen of it. */
const LIBRARY_RULE: Rule = {
  ...{ name: 'library', match: ['**'], output: DEFAULT_OUTPUT, fallback: 'none', minSaving: 0.05, skip: false },
  ...{ resolution: 'keep', audio: { kind: 'keep' }, quality: 'auto', floor: 'decent', belowFloor: 'hold' },
};

/** A library as a pair of folders that are one. Its originals go with the exchange, before anything is delivered. */
export function asFolder(library: Library): Folder {
  const { library: path, archive, archiveDays, rules } = library;
  const kept = { ...(archive !== undefined && { archive }), ...(archiveDays !== undefined && { archiveDays }) };
  return { inbox: path, outbox: path, ...kept, originals: 'keep', rules, scan: 'auto', reports: 'never', library };
}

/** Everything that jobs come from. */
export function allFolders({ folders, libraries = [] }: Pick<Config, 'folders'> & Partial<Config>): Folder[] {
  return [...folders, ...libraries.map(asFolder)];
}

/** The rules of a folder, in its order. */
export function rulesOf(
  folder: Pick<Folder, 'rules' | 'library'> | undefined,
  { rules }: Pick<Config, 'rules'>,
): Rule[] {
  if (folder?.library && folder.rules.length === 0) return [LIBRARY_RULE];
  return (folder?.rules ?? []).flatMap(name => rules.find(rule => rule.name === name) ?? []);
}
