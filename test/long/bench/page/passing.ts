/** Files through the page: dropped on it, and fetched from it. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { copyFile, open, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Page } from 'playwright-core';
import type { Box } from '../../../support/box.ts';
import { eventually } from '../../../support/eventually.ts';

/** A short clip with a box of nothing behind it: whole, and of any size. */
export async function enlarged(clip: string, to: string, bytes: number): Promise<void> {
  await copyFile(clip, to);
  const { size } = await stat(clip);
  const header = Buffer.alloc(16);
  header.writeUInt32BE(1, 0);
  header.write('free', 4, 'latin1');
  header.writeBigUInt64BE(BigInt(bytes - size), 8);
  const file = await open(to, 'r+');
  await file.write(header, 0, header.length, size);
  await file.truncate(bytes);
  await file.close();
}

/** By how much the daemon's memory grew while the page sent the file, and how long that took. */
export async function dropped(page: Page, box: Box, file: string): Promise<{ seconds: number; grownBytes: number }> {
  const name = basename(file);
  const before = residentBytes(box.pid);
  let most = before;
  const watching = setInterval(() => {
    most = Math.max(most, residentBytes(box.pid));
  }, 20);
  const began = performance.now();
  await page.locator('#files').setInputFiles(file);
  await eventually(() => existsSync(join(box.inbox, name)), { what: `${name} to arrive`, withinMs: 600_000 });
  clearInterval(watching);
  const seconds = (performance.now() - began) / 1000;
  const arrived = await sha256(join(box.inbox, name));
  if (arrived !== (await sha256(file))) throw new Error(`${name} did not arrive as it was sent`);
  return { seconds, grownBytes: most - before };
}

function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

/** Whether what the page's button fetches has the bytes of the file in the outbox. */
export async function isFetchedWhole(page: Page, file: string): Promise<boolean> {
  await page.getByRole('button', { name: /^Play/ }).first().click();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('dialog').getByRole('button', { name: 'Download' }).click(),
  ]);
  const same = (await sha256(await download.path())) === (await sha256(file));
  await page.keyboard.press('Escape');
  return same;
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
