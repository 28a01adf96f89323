/**
 * Writes the systemd unit for one configuration: the unit shipped with the program, its comments included, with paths, user and
 * the few lines that depend on them filled in. Pure.
 */
import { dirname } from 'node:path';
import { allFolders } from '../../config/libraries.ts';
import type { Config } from '../../config/load.ts';

export interface UnitOptions {
  /** systemd/shrinkbox.service as shipped. */
  template: string;
  config: Config;
  /** The program and its first arguments: absolute paths. */
  command: readonly string[];
  /** For the system's service manager or a user's; the latter cannot set up most of the sandboxing. */
  kind: 'system' | 'user';
  /** Unit name without `.service`. */
  name: string;
  /** User and group of a system unit. */
  user: string;
}

export interface BuiltUnit {
  text: string;
  /** What the user should know, a sentence each. */
  remarks: string[];
}

/** First line of every unit of ours: no other unit is overwritten or removed. */
export const MARK = '# Made by "shrinkbox service install"';

export function buildUnit(options: UnitOptions): BuiltUnit {
  const { config, kind, name } = options;
  const folders = foldersOf(config);
  const writable = writablePaths(folders, config.stateDir);
  const ownState = kind === 'system' && config.stateDir === `/var/lib/${name}`;
  const remarks: string[] = [];
  if (writable.folders.length > 1) {
    remarks.push(
      'The folders do not share a parent folder, so each is made writable by itself; moving a file between them then means copying it.',
    );
  }
  const lines = kind === 'system' ? systemLines(options, writable, ownState) : userLines(options);
  const source = config.source ?? 'the built-in defaults';
  const [, ...rest] = withoutHeader(options.template);
  const header = [
    `${MARK} from ${source.replace(/\s+/g, ' ')}.`,
    '# Installing again overwrites this file. Put changes of your own into a drop-in, which is kept:',
    `#   ${kind === 'user' ? 'systemctl --user' : 'sudo systemctl'} edit ${name}`,
    '',
  ];
  return { text: [...header, ...edit(rest, lines)].join('\n'), remarks };
}

/** Every folder that is read from and written to. */
function foldersOf(config: Config): string[] {
  const paths = allFolders(config).flatMap(({ inbox, outbox, archive }) => [
    inbox,
    outbox,
    ...(archive ? [archive] : []),
  ]);
  return [...new Set(paths)];
}

/** By key of the template's lines: the replacement lines, or `undefined` to remove it. */
type Edits = ReadonlyMap<string, string[] | undefined>;

function systemLines(
  { config, command, user }: UnitOptions,
  writable: { folders: string[]; state: string[] },
  ownState: boolean,
): Edits {
  const all = [...foldersOf(config), config.stateDir];
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

/** What a user's service manager cannot set up, and the service's user. Its system call filters work, and stay. */
const SYSTEM_ONLY = [
  ...['User', 'Group', '#SupplementaryGroups', 'StateDirectory', 'StateDirectoryMode', 'RequiresMountsFor'],
  ...['#LoadCredential=token', '#LoadCredential=http-token', 'CPUWeight', 'ProtectSystem', 'ReadWritePaths'],
  ...['ProtectHome', 'PrivateTmp', 'PrivateDevices', 'DevicePolicy', 'CapabilityBoundingSet', 'AmbientCapabilities'],
  ...['ProtectKernelTunables', 'ProtectKernelModules', 'ProtectKernelLogs', 'ProtectControlGroups', 'ProtectClock'],
  ...[
    'ProtectHostname',
    'ProtectProc',
    'PrivateUsers',
    'PrivateMounts',
    'RemoveIPC',
    'KeyringMode',
    'OOMPolicy',
    'MemoryMax',
  ],
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

/** The template without its first comments, which say how to install it by hand. */
function withoutHeader(template: string): string[] {
  const lines = template.split('\n');
  return lines.slice(lines.indexOf(''));
}

/** Replaces and removes lines by key. A comment goes when all lines it explains are removed. */
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

/** `run` with the configuration of this unit. Without a file the daemon uses its defaults, relative to its working directory. */
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

/** Directories too wide to be made writable as a whole. */
const TOO_WIDE: ReadonlySet<string> = new Set([
  ...['/', '/bin', '/boot', '/dev', '/etc', '/home', '/lib', '/opt', '/proc'],
  ...['/root', '/run', '/sbin', '/sys', '/tmp', '/usr', '/var', '/var/lib'],
]);

/**
 * What must be writable: the common parent of all folders, because each entry becomes a mount of its own and renames between
 * mounts fail; or each folder by itself where the only common parent is a system directory.
 */
function writablePaths(folders: readonly string[], stateDir: string): { folders: string[]; state: string[] } {
  const parent = folders.map(folder => dirname(folder)).reduce(commonParent);
  const open = TOO_WIDE.has(parent) ? withoutNested([...new Set(folders)]) : [parent];
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
