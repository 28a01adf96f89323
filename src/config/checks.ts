/**
 * Checks across several values. They work on the values as written, so that a file with other mistakes still gets all its
 * problems reported at once.
 */
import { isWithin } from '../core/file-names.ts';
import type { KeyPath } from './problems.ts';
import type { ResolvePath } from './schema.ts';
import { didYouMean } from './unknown-keys.ts';

export function crossCheck(written: unknown, resolve: ResolvePath): Conflict[] {
  const root = asMap(written);
  const folders = asList(root['folders']).map(asMap);
  const rules = asList(root['rules']).map(asMap);
  return [
    ...folderConflicts(root, folders, resolve),
    ...folders.flatMap(archiveProblems),
    ...ruleNameProblems(rules),
    ...folders.flatMap((folder, i) => unknownRules(folder, i, rules)),
  ];
}

/** The name of a rule that has none of its own. */
export function defaultRuleName(index: number): string {
  return `rule-${index + 1}`;
}

function folderConflicts(root: Written, folders: Written[], resolve: ResolvePath): Conflict[] {
  const pathOf = (value: unknown) => (typeof value === 'string' && value.trim() ? resolve(value.trim()) : undefined);
  return findConflicts({
    stateDir: pathOf(root['state_dir'] ?? './state'),
    folders: (root['folders'] === undefined ? [{ inbox: './inbox', outbox: './outbox' } as Written] : folders).map(
      folder => ({
        inbox: pathOf(folder['inbox']),
        outbox: pathOf(folder['outbox']),
        archive: pathOf(folder['archive']),
      }),
    ),
  });
}

function archiveProblems(folder: Written, index: number): Conflict[] {
  if (folder['originals'] !== 'archive' || folder['archive'] !== undefined) return [];
  const message = 'archive needs a folder to move originals to: add a line like "archive: ./archive" here';
  return [{ path: ['folders', index, 'originals'], message }];
}

function ruleNameProblems(rules: Written[]): Conflict[] {
  const first = new Map<string, number>();
  return rules.flatMap((rule, index) => {
    const name = ruleName(rule, index);
    const before = first.get(name);
    if (before === undefined) first.set(name, index);
    if (before === undefined) return [];
    return [
      {
        path: ['rules', index, 'name'],
        message: `"${name}" is already the name of rules[${before}]; give each rule a name of its own`,
      },
    ];
  });
}

function unknownRules(folder: Written, index: number, rules: Written[]): Conflict[] {
  const known = rules.length > 0 ? rules.map(ruleName) : ['default'];
  const listed = folder['rules'];
  const names = Array.isArray(listed) ? listed : [listed];
  return names.flatMap((name: unknown, i) => {
    if (typeof name !== 'string' || known.includes(name.trim())) return [];
    const path = ['folders', index, 'rules', ...(Array.isArray(listed) ? [i] : [])];
    const hint = didYouMean(name, known) || `; the rules are ${known.map(each => `"${each}"`).join(', ')}`;
    return [{ path, message: `there is no rule "${name.slice(0, 60)}"${hint}` }];
  });
}

function ruleName(rule: Written, index: number): string {
  return typeof rule['name'] === 'string' ? rule['name'].trim() : defaultRuleName(index);
}

type Written = Readonly<Record<string, unknown>>;

function asMap(value: unknown): Written {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Written) : {};
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The folders that must not lie within each other; absolute paths. */
export interface ConfiguredFolders {
  stateDir?: string;
  folders: { inbox?: string; outbox?: string; archive?: string }[];
}

export interface Conflict {
  /** The key whose value should be changed. */
  path: KeyPath;
  message: string;
}

/**
 * Folders that would feed shrinkbox its own output, or show one file to two inboxes. Pure: compares the paths as given, so call it
 * again with links resolved once the folders exist.
 */
export function findConflicts(folders: ConfiguredFolders): Conflict[] {
  const conflicts: Conflict[] = [];
  const inboxes = folders.folders.flatMap(({ inbox }, index) => (inbox === undefined ? [] : [{ inbox, index }]));

  for (const { inbox, index } of inboxes) {
    const path: KeyPath = ['folders', index, 'inbox'];
    for (const other of inboxes.filter(({ index: earlier }) => earlier < index)) {
      const its = `the inbox of folders[${other.index}] (${other.inbox})`;
      if (inbox === other.inbox)
        conflicts.push({ path, message: `is the same folder as ${its}; remove one of the two` });
      else if (isWithin(other.inbox, inbox))
        conflicts.push({ path, message: `is inside ${its}; its files would be processed twice` });
      else if (isWithin(inbox, other.inbox))
        conflicts.push({ path, message: `contains ${its}; its files would be processed twice` });
    }
  }

  for (const guarded of guardedFolders(folders)) {
    const around = inboxes.find(({ inbox }) => isWithin(inbox, guarded.path));
    if (!around) continue;
    const its = `inbox of folders[${around.index}] (${around.inbox})`;
    const relation = guarded.path === around.inbox ? 'is the' : 'is inside the';
    conflicts.push({ path: guarded.key, message: `${relation} ${its}; ${guarded.because}` });
  }
  return [...conflicts, ...insideState(folders)];
}

/** Every start removes unknown files from the state directory: results and archived originals there would be lost. */
function insideState({ stateDir, folders }: ConfiguredFolders): Conflict[] {
  if (stateDir === undefined) return [];
  return folders.flatMap((folder, index) =>
    (['inbox', 'outbox', 'archive'] as const).flatMap(key => {
      const path = folder[key];
      if (path === undefined || !isWithin(stateDir, path)) return [];
      const message = `is inside state_dir (${stateDir}), which is for shrinkbox's own files only`;
      return [{ path: ['folders', index, key], message }];
    }),
  );
}

/** Folders that must not lie within an inbox. */
function guardedFolders(folders: ConfiguredFolders): { key: KeyPath; path: string; because: string }[] {
  const of = (key: KeyPath, path: string | undefined, because: string) =>
    path === undefined ? [] : [{ key, path, because }];
  return [
    ...of(['state_dir'], folders.stateDir, 'its working files would be processed like dropped videos'),
    ...folders.folders.flatMap(({ outbox, archive }, i) => [
      ...of(['folders', i, 'outbox'], outbox, 'results would be compressed again and again'),
      ...of(['folders', i, 'archive'], archive, 'archived originals would be processed again'),
    ]),
  ];
}
