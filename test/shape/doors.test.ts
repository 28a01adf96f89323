import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

/**
 * Files that others can change are opened through one door (platform/files/door.ts). In the rooms that meet such files, nothing else
 * may touch the disk by a path, except the modules named here, each for its reason.
 */
const SRC = join(import.meta.dirname, '../../src');
const ROOMS = ['inbox', 'verify', 'media', 'engine', 'app', 'api', 'queue', 'deliver', 'library'];

const OWN_WORK = "a job's private work directory";
const OWN_STATE = 'the state directory';
const OWN_ANSWERS = "ffmpeg's answers in the state directory, and the program itself";
const CONFIGURED = "configured folders themselves: their paths are their owner's word";
const LOOKS = 'looks without opening: what it finds is opened through the door and compared';
const PERSON = 'a path that a person typed at a terminal';

const BY_PATH: Readonly<Record<string, string>> = {
  'app/fleet.ts': 'certificates and passwords the configuration names',
  'app/worker.ts': "the worker's own token file",
  'engine/fleet/hands.ts': OWN_WORK,
  'engine/fleet/maker.ts': OWN_WORK,
  'engine/fleet/slices.ts': OWN_WORK,
  'inbox/guarded-fs.ts': LOOKS,
  'inbox/open-files.ts': '/proc only',
  'verify/verify.ts': OWN_WORK,
  'media/ffmpeg/ability-cache.ts': OWN_ANSWERS,
  'media/ffmpeg/hardware.ts': 'devices, and what the system says of them',
  'media/ffmpeg/run.ts': OWN_WORK,
  'media/ffmpeg/split-join.ts': OWN_WORK,
  'media/ffmpeg/tools.ts': OWN_ANSWERS,
  'engine/local/encode/audio.ts': OWN_WORK,
  'engine/local/encode/fix-timestamps.ts': OWN_WORK,
  'engine/local/encode/remux.ts': OWN_WORK,
  'engine/local/encode/part-subtitles.ts': OWN_WORK,
  'engine/local/encode/segment.ts': OWN_WORK,
  'engine/local/encode/local-hands.ts': OWN_WORK,
  'engine/local/measure/ssim.ts': OWN_WORK,
  'engine/local/measure/sound-levels.ts': OWN_WORK,
  'engine/local/run/workspace.ts': OWN_WORK,
  'engine/nemo/account/identity.ts': OWN_STATE,
  'engine/nemo/job.ts': OWN_WORK,
  'engine/nemo/manual.ts': PERSON,
  'engine/nemo/oversize.ts': OWN_WORK,
  'engine/nemo/render/download.ts': OWN_WORK,
  'engine/nemo/render/export.ts': OWN_WORK,
  'engine/nemo/render/faststart.ts': OWN_WORK,
  'engine/nemo/render/partial-file.ts': OWN_WORK,
  'engine/nemo/render/result.ts': OWN_WORK,
  'app/config-file.ts': "the configuration file: its path is its owner's word",
  'app/daemon.ts': 'hands the disk to everybody',
  'app/explain.ts': LOOKS,
  'app/folder-mounts.ts': `${OWN_STATE}, /proc, and ${CONFIGURED}`,
  'app/folders.ts': `${CONFIGURED}; ${LOOKS}`,
  'app/housekeeping.ts': OWN_STATE,
  'app/inbox-lock.ts': CONFIGURED,
  'app/one-shot.ts': PERSON,
  'app/originals-check.ts': CONFIGURED,
  'app/set-clock.ts': OWN_STATE,
  'app/stages.ts': OWN_WORK,
  'app/start-checks.ts': CONFIGURED,
  'api/peer.ts': '/proc only',
  'api/assets.ts': "the page's own files",
  'api/journal-control.ts': CONFIGURED,
  'api/serve.ts': OWN_STATE,
  'api/socket.ts': OWN_STATE,
  'api/thumbnails.ts': 'a private temporary directory',
  'api/upload-file.ts': 'hands the disk to the door',
  'api/upload-records.ts': OWN_STATE,
  'api/uploads.ts': 'hands the disk to the door',
  'app/library-plan.ts': `${CONFIGURED}, or a path that a person typed at a terminal`,
  'deliver/deliver.ts': OWN_WORK,
  'deliver/originals.ts': CONFIGURED,
  'deliver/output-folder.ts': CONFIGURED,
  'library/plan/store.ts': OWN_STATE,
  'library/tag.ts': OWN_WORK,
};

/** Imported types and constants touch nothing. */
function importsDisk(text: string): boolean {
  const imports = [...text.matchAll(/^import (?!type )([^;]*?) from 'node:fs(?:\/promises)?';/gm)];
  return imports.some(([, names = '']) => !/^\{\s*(?:(?:type \w+|constants)\s*,?\s*)+\}$/.test(names));
}

const CALLS =
  /\b[fF]iles\.(?:open|link|rename|unlink|mkdir|readdir|l?stat)\(|\b(?:ownFile|pinOf|sha256Of|lstatIfThere|syncDir|newFile|openToRead|replaceDurably)\(|\bnodeFiles\b/;

function touchesByPath(text: string): boolean {
  const code = text.replaceAll(/^import [^;]*;$/gm, '').replaceAll(/^export function pinOf\(.*$/gm, '');
  return importsDisk(text) || CALLS.test(code);
}

/** pinOf of a stat (inbox/file-id.ts) is another function of that name. */
const ONLY_STATS = new Set(['inbox/file-id.ts', 'inbox/tracked-file.ts']);

const modules = ROOMS.flatMap(room =>
  readdirSync(join(SRC, room), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts'))
    .map(name => `${room}/${name}`),
).filter(path => !ONLY_STATS.has(path));

describe('files that others can change', () => {
  it('are opened through the door, and by path only where that is said', () => {
    const found = modules.filter(path => touchesByPath(readFileSync(join(SRC, path), 'utf8')));
    expect(found.sort()).toEqual(Object.keys(BY_PATH).sort());
  });

  it.each([
    "import { open } from 'node:fs/promises';",
    "import * as fs from 'node:fs';",
    "import {\n  constants,\n  openSync,\n} from 'node:fs';",
    "const handle = await this.#files.open(path, 'r');",
    'const { size } = await files.stat(path);',
    'await probe(ownFile(job.path), options);',
    'const pin = await pinOf(path, files);',
    'const files = { ...nodeFiles };',
    'await createDurably(newFile(path, files), text, { log });',
    'await this.#files.unlink(join(folder, name));',
  ])('would be noticed to be opened otherwise by %j', text => {
    expect(touchesByPath(text)).toBe(true);
  });

  it.each([
    "import type { Stats } from 'node:fs';",
    "import { constants, type Stats } from 'node:fs';",
    "import { ownFile } from '../platform/files/files.ts';",
    "await folder.file('clip.mp4');",
    'await temp.unlinkQuietly();',
    'await createDurably(new Entry(folder, name), text, { log });',
  ])('need nothing for %j', text => {
    expect(touchesByPath(text)).toBe(false);
  });

  it('children are given files, not paths: a path in a command line is looked up again', () => {
    const offenders = modules.filter(path =>
      /file:\$\{(?:order|job|source)\b|fileUrl\((?:order|job\.path\b(?!\())/.test(
        readFileSync(join(SRC, path), 'utf8'),
      ),
    );
    expect(offenders).toEqual([]);
  });
});
