import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PublishIntent, Verified } from '../../src/core/job.ts';
import type { DeliverOptions } from '../../src/deliver/deliver.ts';
import { nodeFiles } from '../../src/platform/files/files.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { aCandidate } from './builders.ts';

/** A folder with an inbox, an outbox, a state directory and a candidate in it, on the real disk. */
export interface DeliveryFixture {
  root: string;
  outbox: string;
  candidate: string;
  content: Buffer;
  verified: Verified;
  /** As journaled, oldest first. */
  intents: PublishIntent[];
  options(overrides?: Partial<DeliverOptions>): DeliverOptions;
  /** Every file below the outbox as `path: size`, hidden ones too, in order. */
  seen(): string[];
  close(): void;
}

export const SOURCE_MTIME_MS = Date.UTC(2019, 6, 14, 12, 30, 15, 250);

/** @param under where to make it; the system's temporary folder unless a test has a disk of its own. */
export function deliveryFixture({
  bytes = 3000,
  under = tmpdir(),
}: {
  bytes?: number;
  under?: string;
} = {}): DeliveryFixture {
  const root = mkdtempSync(join(under, 'shrinkbox-deliver-'));
  const outbox = join(root, 'outbox');
  const candidate = join(root, 'work', 'result.mp4');
  for (const dir of ['outbox', 'work', 'inbox']) mkdirSync(join(root, dir));
  const content = pattern(bytes, root);
  writeFileSync(candidate, content);
  const intents: PublishIntent[] = [];
  return {
    root,
    outbox,
    candidate,
    content,
    verified: aVerified(candidate, content),
    intents,
    options: overrides => ({
      job: 'job1',
      outbox,
      relative: 'clip.mp4',
      sourceName: 'clip.mp4',
      sourceMtimeMs: SOURCE_MTIME_MS,
      async onIntent(intent) {
        intents.push(intent);
      },
      files: nodeFiles,
      log: silentLogger,
      ...overrides,
    }),
    seen: () => filesBelow(outbox),
    close: () => rmSync(root, { recursive: true, force: true }),
  };
}

export function aVerified(path: string, content: Buffer, overrides: Partial<Verified> = {}): Verified {
  const sha256 = createHash('sha256').update(content).digest('hex');
  const candidate = aCandidate({ path, bytes: content.length });
  return { ...candidate, sha256, evidence: 'decoded', ...overrides } as Verified;
}

/** Bytes that differ everywhere and from seed to seed. */
export function pattern(bytes: number, seed: string): Buffer {
  const block = createHash('sha512').update(seed).digest();
  const buffer = Buffer.alloc(bytes, block);
  for (let i = 0; i + 4 <= bytes; i += 64) buffer.writeUInt32LE(i, i);
  return buffer;
}

export function filesBelow(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter(path => !lstatSync(join(dir, path)).isDirectory())
    .map(path => `${path}: ${lstatSync(join(dir, path)).size}`)
    .sort();
}

export function read(...path: string[]): Buffer {
  return readFileSync(join(...path));
}
