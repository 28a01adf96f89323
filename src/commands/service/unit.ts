/**
 * The systemd unit for one configuration, made from the unit that comes with the program: what the comments there say stays
 * true, only paths, user and the few lines that depend on them are set. Pure.
 */
import { dirname } from 'node:path';
import type { Config } from '../../config/load.ts';

export interface UnitOptions {
  /** systemd/shrinkbox.service as shipped. */
  template: string;
  config: Config;
  /** The program and its first arguments: absolute paths. */
  command: readonly string[];
  /** The system's or a user's own manager; the latter cannot set most of the walls up. */
  kind: 'system' | 'user';
  /** Unit name without `.service`. */
  name: string;
  /** User and group of a system unit. */
  user: string;
}

export interface BuiltUnit {
  text: string;
  /** What a person should know, a sentence each. */
  remarks: string[];
}

/** Begins every unit of ours, so that only such a one is overwritten or removed. */
export const MARK = '# Made by "shrinkbox service install"';

export function buildUnit(options: UnitOptions): BuiltUnit {
  const { config, kind, name } = options;
  const folders = config.folders.flatMap(({ inbox, outbox, archive }) => [
    inbox,
    outbox,
    ...(archive ? [archive] : []),
  ]);
  const writable = writablePaths(folders, config.stateDir);
  const ownState = kind === 'system' && config.stateDir === `/var/lib/${name}`;
  const remarks: string[] = [];
  if (writable.folders.length > 1) {
    remarks.push(
      'The folders have no parent of their own in common, so each is opened by itself; moving a file from one to another then copies it.',
    );
  }
  const lines = kind === 'system' ? systemLines(options, writable, ownState) : userLines(options);
  const source = config.source ?? 'the built-in defaults';
  const [, ...rest] = splitHeader(options.template);
  const header = [
    `${MARK} from ${source.replace(/\s+/g, ' ')}.`,
    '# Installing again makes it anew; own changes go into a drop-in and are kept:',
    `#   ${kind === 'user' ? 'systemctl --user' : 'sudo systemctl'} edit ${name}`,
    '',
  ];
  return { text: [...header, ...edit(rest, lines)].join('\n'), remarks };
}

/** A line of the template: set to something else, or taken out (with its comment when nothing else is under it). */
type Edits = ReadonlyMap<string, string[] | undefined>;

function systemLines(
  { config, command, user }: UnitOptions,
  writable: { folders: string[]; state: string[] },
  ownState: boolean,
): Edits {
  const all = [...config.folders.flatMap(({ inbox, outbox }) => [inbox, outbox]), config.stateDir];
  const inHomes = (paths: readonly string[]) => paths.some(path => /^\/(home|root|run\/user)(\/|$)/.test(path));
  const homes = inHomes([...all, ...writable.folders])
    ? 'no'
    : inHomes([...command, config.source ?? '/'])
      ? 'read-only'
      : 'yes';
  return new Map<string, string[] | undefined>([
    ['RequiresMountsFor', [`RequiresMountsFor=${writable.folders.map(quotePath).join(' ')}`]],
    ['ExecStart', [`ExecStart=${execLine(command, config)}`]],
    ['User', [`User=${user}`]],
    ['Group', [`Group=${user}`]],
    ['StateDirectory', ownState ? [`StateDirectory=${config.stateDir.slice('/var/lib/'.length)}`] : undefined],
    ...(ownState ? [] : [['StateDirectoryMode', undefined] as const]),
    [
      'ReadWritePaths',
      [...writable.folders, ...(ownState ? [] : writable.state)].map(path => `ReadWritePaths=${quotePath(path)}`),
    ],
    ['ProtectHome', [`ProtectHome=${homes}`]],
  ]);
}

/** Walls a user's manager cannot set up without help, or that say whom to be. Those made of system call filters stay. */
const SYSTEM_ONLY = [
  ...['User', 'Group', '#SupplementaryGroups', 'StateDirectory', 'StateDirectoryMode', 'RequiresMountsFor'],
  ...['#LoadCredential=token', '#LoadCredential=http-token', 'CPUWeight', 'ProtectSystem', 'ReadWritePaths'],
  ...['ProtectHome', 'PrivateTmp', 'PrivateDevices', 'DevicePolicy', 'CapabilityBoundingSet', 'AmbientCapabilities'],
  ...['ProtectKernelTunables', 'ProtectKernelModules', 'ProtectKernelLogs', 'ProtectControlGroups', 'ProtectClock'],
  ...['ProtectHostname', 'ProtectProc', 'PrivateUsers', 'PrivateMounts', 'RemoveIPC', 'KeyringMode', 'OOMPolicy'],
] as const;

function userLines({ config, command }: UnitOptions): Edits {
  return new Map<string, string[] | undefined>([
    ...SYSTEM_ONLY.map(key => [key, undefined] as const),
    ['After', undefined],
    ['Wants', undefined],
    ['ExecStart', [`ExecStart=${execLine(command, config)}`]],
    ['WantedBy', ['WantedBy=default.target']],
  ]);
}

/** Comments before the first blank line are how to install the template by hand. */
function splitHeader(template: string): string[] {
  const lines = template.split('\n');
  return lines.slice(lines.indexOf(''));
}

/** Sets and removes lines by key; a comment all of whose lines are gone goes with them. */
function edit(lines: readonly string[], edits: Edits): string[] {
  const out: string[] = [];
  let comment: string[] = [];
  let explained = 0;
  let removed = 0;
  const flush = () => {
    if (comment.length > 0 && explained === 0 && removed > 0) out.length -= comment.length;
    [comment, explained, removed] = [[], 0, 0];
  };
  for (const line of lines) {
    if (line.startsWith('# ')) {
      if (explained + removed > 0 || (comment.length > 0 && out.at(-1) !== comment.at(-1))) flush();
      comment.push(line);
      out.push(line);
      continue;
    }
    if (line === '') {
      flush();
      if (out.at(-1) !== '') out.push(line);
      continue;
    }
    const key = keyOf(line, edits);
    const replaced = key === undefined ? [line] : edits.get(key);
    if (replaced === undefined) removed += 1;
    else {
      explained += 1;
      out.push(...replaced);
    }
  }
  flush();
  return out;
}

function keyOf(line: string, edits: Edits): string | undefined {
  const credential = /^#LoadCredential=[a-z-]+/.exec(line)?.[0];
  const key = credential ?? line.split('=', 1)[0] ?? '';
  return edits.has(key) ? key : undefined;
}

/** `run` with the configuration the unit is for; without a file the daemon takes its defaults, relative to where it starts. */
function execLine(command: readonly string[], config: Config): string {
  const args = [...command, 'run', ...(config.source ? ['--config', config.source] : [])];
  return args.map(quoteArgument).join(' ');
}

/** systemd's own quoting: `%` begins a specifier, `$` a variable. */
function quoteArgument(text: string): string {
  const escaped = text.replace(/[\\"]/g, '\\$&').replace(/%/g, '%%').replace(/\$/g, '$$$$');
  return /[\s'"\\;]/.test(text) ? `"${escaped}"` : escaped;
}

function quotePath(path: string): string {
  const escaped = path.replace(/[\\"]/g, '\\$&').replace(/%/g, '%%');
  return /[\s'"\\]/.test(path) ? `"${escaped}"` : escaped;
}

/** Directories that are not to be opened as a whole because two folders lie somewhere below them. */
const TOO_WIDE: ReadonlySet<string> = new Set([
  '/',
  '/bin',
  '/boot',
  '/dev',
  '/etc',
  '/home',
  '/lib',
  '/proc',
  '/root',
]);
const TOO_WIDE_TOO: ReadonlySet<string> = new Set([
  '/run',
  '/sbin',
  '/sys',
  '/tmp',
  '/usr',
  '/var',
  '/var/lib',
  '/opt',
]);

/**
 * What must be writable: one common parent of all folders, because two entries are two mounts and renames between mounts
 * fail; each folder by itself where the only common parent is a directory of the system.
 */
function writablePaths(folders: readonly string[], stateDir: string): { folders: string[]; state: string[] } {
  const parent = folders.map(folder => dirname(folder)).reduce(commonParent);
  const isTooWide = TOO_WIDE.has(parent) || TOO_WIDE_TOO.has(parent);
  const open = isTooWide ? withoutNested([...new Set(folders)]) : [parent];
  const covered = open.some(path => stateDir === path || stateDir.startsWith(`${path}/`));
  return { folders: open, state: covered ? [] : [stateDir] };
}

export function commonParent(a: string, b: string): string {
  const [left, right] = [a.split('/'), b.split('/')];
  const same = left.findIndex((part, i) => part !== right[i]);
  return left.slice(0, same === -1 ? left.length : same).join('/') || '/';
}

function withoutNested(paths: readonly string[]): string[] {
  return paths.filter(path => !paths.some(other => other !== path && path.startsWith(`${other}/`)));
}
