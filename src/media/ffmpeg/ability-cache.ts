import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { HARDWARE_KINDS, HARDWARE_MODES, type HardwareEncoder } from './hardware-args.ts';

/** What an ffmpeg reports about itself. */
export interface Abilities {
  /** As ffmpeg prints it: `5.1.9-0+deb12u1`. */
  version: string;
  encoders: ReadonlySet<string>;
  /** Version of the SVT-AV1 behind `libsvtav1`, as it prints it: `2.3.0`. */
  svtAv1?: string;
  /** Codecs it can decode, by codec name (`h264`, `aac`), whatever its decoder is called. */
  decodable: ReadonlySet<string>;
  filters: ReadonlySet<string>;
  /** Demuxer names, each entry of a comma list separately: `mov`, `mp4`, `matroska`. */
  demuxers: ReadonlySet<string>;
  /** Options without the dash, of those that were added or removed over the years: `fps_mode`, `chunk_duration`. */
  options: ReadonlySet<string>;
}

/** Raised whenever the questions change, or the answers are read differently. */
const VERSION = 3;
const FILE = 'ffmpeg-abilities.json';
const HARDWARE_FILE = 'ffmpeg-hardware.json';
const MAX_BYTES = 1_000_000;
const LISTS = ['encoders', 'decodable', 'filters', 'demuxers', 'options'] as const;

/**
 * ffmpeg's answers about itself, kept as long as the programs stay the same files. Never a reason to fail: anything unreadable, or
 * not ours, counts as missing, and anything that cannot be written is asked for again the next time.
 */
export class AbilityCache {
  readonly #dir: string;
  readonly #programs: readonly string[];

  /** @param programs paths of everything that was asked */
  constructor(dir: string, programs: readonly string[]) {
    this.#dir = dir;
    this.#programs = programs;
  }

  async read(): Promise<Abilities | undefined> {
    const key = await this.#key();
    return key === undefined ? undefined : parse(await this.#load(FILE), key);
  }

  /** What the file holds; `undefined` if it cannot be read, or is not ours. */
  async #load(name: string): Promise<unknown> {
    try {
      const file = await open(join(this.#dir, name), constants.O_RDONLY | constants.O_NOFOLLOW);
      try {
        if (!(await isOurs(file))) return undefined;
        return JSON.parse(await file.readFile('utf8')) as unknown;
      } finally {
        await file.close();
      }
    } catch {
      return undefined;
    }
  }

  async write(abilities: Abilities): Promise<void> {
    const key = await this.#key();
    if (key === undefined) return;
    const lists = Object.fromEntries(LISTS.map(name => [name, [...abilities[name]]]));
    await this.#save(FILE, { key, version: abilities.version, svtAv1: abilities.svtAv1, ...lists });
  }

  /** Hardware encoders that worked when `of` was asked for. */
  async readHardware(of: string): Promise<HardwareEncoder[] | undefined> {
    const key = await this.#key();
    const kept = key === undefined ? undefined : await this.#load(HARDWARE_FILE);
    if (!isObject(kept) || kept['key'] !== key || kept['of'] !== of) return undefined;
    const { encoders } = kept;
    return Array.isArray(encoders) && encoders.length > 0 && encoders.every(isEncoder) ? encoders : undefined;
  }

  async writeHardware(of: string, encoders: readonly HardwareEncoder[]): Promise<void> {
    const key = await this.#key();
    if (key !== undefined) await this.#save(HARDWARE_FILE, { key, of, encoders });
  }

  async #save(name: string, content: object): Promise<void> {
    const temp = join(this.#dir, `${name}.${process.pid}.new`);
    try {
      await mkdir(this.#dir, { recursive: true, mode: 0o700 });
      const file = await open(temp, 'wx', 0o600);
      await file.writeFile(JSON.stringify(content)).finally(() => file.close());
      await rename(temp, join(this.#dir, name));
    } catch {
      await rm(temp, { force: true }).catch(() => {});
    }
  }

  /** Identifies the current programs; `undefined` if their files don't show whether they are still the same. */
  async #key(): Promise<string | undefined> {
    try {
      const files = await Promise.all(this.#programs.map(identify));
      if (files.includes(undefined)) return undefined;
      // Custom builds find their libraries through this.
      return JSON.stringify([VERSION, process.env['LD_LIBRARY_PATH'] ?? '', ...files]);
    } catch {
      return undefined;
    }
  }
}

/** A script, or a launcher under another name, may run anything: its answers are not kept. */
async function identify(path: string): Promise<(string | number)[] | undefined> {
  const program = await realpath(path);
  if (!basename(program).startsWith('ff')) return undefined;
  const file = await open(program, 'r');
  try {
    const { buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
    if (buffer.toString('latin1') === '#!') return undefined;
  } finally {
    await file.close();
  }
  const { size, mtimeMs } = await stat(program);
  return [path, program, size, mtimeMs];
}

/** A regular file that nobody else could have written. */
async function isOurs(file: FileHandle): Promise<boolean> {
  const { uid, mode, size } = await file.stat();
  const isPrivate = (mode & 0o022) === 0 && uid === (process.getuid?.() ?? uid);
  return isPrivate && (mode & constants.S_IFMT) === constants.S_IFREG && size <= MAX_BYTES;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

const isOneOf = (values: readonly string[], value: unknown): boolean => values.some(one => one === value);

function isEncoder(value: unknown): value is HardwareEncoder {
  if (!isObject(value)) return false;
  const { name, kind, codec, device, modes } = value;
  const isKnown = isOneOf(HARDWARE_KINDS, kind) && isOneOf(['h264', 'h265'], codec) && typeof name === 'string';
  const hasModes = Array.isArray(modes) && modes.length > 0 && modes.every(mode => isOneOf(HARDWARE_MODES, mode));
  return isKnown && hasModes && (device === undefined || typeof device === 'string');
}

function parse(content: unknown, key: string): Abilities | undefined {
  if (!isObject(content)) return undefined;
  const { key: of, version, svtAv1, ...rest } = content;
  if (of !== key || typeof version !== 'string') return undefined;
  if (svtAv1 !== undefined && typeof svtAv1 !== 'string') return undefined;
  const [encoders, decodable, filters, demuxers, options] = LISTS.map(name => setOf(rest[name]));
  if (!encoders || !decodable || !filters || !demuxers || !options) return undefined;
  return { version, svtAv1, encoders, decodable, filters, demuxers, options };
}

function setOf(value: unknown): Set<string> | undefined {
  return Array.isArray(value) && value.every(one => typeof one === 'string') ? new Set(value) : undefined;
}
