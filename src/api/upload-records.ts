/** What is remembered of uploads in parts, so that they go on after the daemon was started anew: a small file for each in the state directory. */
import { readdirSync, statSync } from 'node:fs';
import { mkdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { bootId } from '../platform/boot-id.ts';

const ID = /^[0-9a-f]{32}$/;
/** An upload whose beginning is older is not looked for any more. */
const KEPT_MS = 7 * 86_400_000;

const record = z.object({
  /** Of the machine. What was written before it went down may not be on the disk, so such uploads begin again. */
  boot: z.string().min(1),
  inbox: z.string(),
  name: z.string(),
  words: z.string(),
  bytes: z.number(),
  part: z.object({ name: z.string(), dev: z.string(), ino: z.string(), born: z.string() }),
});

export type UploadRecord = Omit<z.output<typeof record>, 'boot'>;

/** All of it is a help, not a promise: where it fails, an upload begins again. */
export class UploadRecords {
  readonly #dir: string;
  readonly #boot: string;

  /** @param dir private; made when the first is written */
  constructor(dir: string, boot = bootId()) {
    this.#dir = dir;
    this.#boot = boot;
  }

  async save(id: string, upload: UploadRecord): Promise<void> {
    if (this.#boot === '') return;
    try {
      await mkdir(this.#dir, { recursive: true, mode: 0o700 });
      await writeFile(join(this.#dir, id), JSON.stringify({ boot: this.#boot, ...upload }), { mode: 0o600 });
    } catch {
      await this.remove(id);
    }
  }

  async find(id: string): Promise<UploadRecord | undefined> {
    if (!ID.test(id)) return undefined;
    try {
      const { boot, ...upload } = record.parse(JSON.parse(await readFile(join(this.#dir, id), 'utf8')));
      return boot === this.#boot ? upload : undefined;
    } catch {
      return undefined;
    }
  }

  async remove(id: string): Promise<void> {
    await unlink(join(this.#dir, id)).catch(() => {});
  }

  /** Those that nobody has come back for. */
  async sweep(now: number): Promise<void> {
    for (const id of idsIn(this.#dir)) {
      const path = join(this.#dir, id);
      if (now - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? now) > KEPT_MS) await this.remove(id);
    }
  }
}

function idsIn(dir: string): string[] {
  try {
    return readdirSync(dir).filter(name => ID.test(name));
  } catch {
    return [];
  }
}
