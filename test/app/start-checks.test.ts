import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { refusals, startFacts } from '../../src/app/start-checks.ts';
import { defaultConfig } from '../../src/config/defaults.ts';
import type { Config, Folder } from '../../src/config/load.ts';
import { nodeFiles } from '../../src/platform/files/files.ts';
import type { Mount } from '../../src/platform/files/mounts.ts';
import { tempDir } from '../support/serving.ts';

let dir: string;
beforeEach(async () => {
  dir = await tempDir();
  await mkdir(join(dir, 'in/sub'), { recursive: true });
  await mkdir(join(dir, 'out/sub'), { recursive: true });
});

const at = (path: string) => join(dir, path);
const DISK: Mount = { point: '/', type: 'ext4', source: '/dev/sda1', device: '8:1', root: '/' };
const bind = (from: string, to: string): Mount => ({ ...DISK, point: at(to), root: at(from) });

async function refused(folders: Partial<Folder>[], mounts: Mount[] = [], more: Partial<Config> = {}) {
  const base = defaultConfig(at);
  const config = {
    ...base,
    http: { listen: 'off' as const },
    folders: folders.map(folder => ({ ...base.folders[0], ...folder })) as Folder[],
    ...more,
  };
  const facts = await startFacts({ config, hasHttpToken: false, files: nodeFiles, mounts: [DISK, ...mounts] });
  return refusals(facts).map(({ path, message }) => `${path}: ${message.replaceAll(dir, '')}`);
}

const pair = (inbox = 'in', outbox = 'out') => ({ inbox: at(inbox), outbox: at(outbox) });
const AGAIN = 'results would be compressed again and again';
const INSIDE = `folders[0].outbox: through a link or a mount, it is inside the inbox of folders[0] (/in); ${AGAIN}`;

it('nothing is refused where every folder is one of its own', async () => {
  expect(await refused([pair()])).toEqual([]);
  expect(await refused([pair('new/in', 'new/out')])).toEqual([]);
});

it('an outbox bind-mounted from inside the inbox was encoded again and again', async () => {
  expect(await refused([pair()], [bind('in/sub', 'out')])).toEqual([INSIDE]);
});

it('an outbox that is mounted below the inbox was found there', async () => {
  expect(await refused([pair()], [bind('out', 'in/sub')])).toEqual([INSIDE]);
  expect(await refused([pair()], [bind('out/sub', 'in/sub')])).toEqual([INSIDE]);
});

it('a folder removed while it was looked at was "a bug in shrinkbox"', async () => {
  const base = defaultConfig(at);
  const here = await nodeFiles.stat(dir);
  const facts = await startFacts({ config: base, hasHttpToken: false, files: { stat: async () => here }, mounts: [] });
  expect([...facts.places.keys()]).toContain(base.folders[0]?.inbox);
});

it('a mount that another one covers counts no more', async () => {
  const other = { ...DISK, device: '8:17', point: at('in/sub') };
  expect(await refused([pair()], [bind('out', 'in/sub'), other])).toEqual([]);
});

it('two exports of a server with one device number are two places', async () => {
  const nfs = (source: string, point: string) => ({ point: at(point), type: 'nfs', source, device: '0:50', root: '/' });
  expect(await refused([pair()], [nfs('nas:/a', 'in'), nfs('nas:/b', 'out')])).toEqual([]);
  expect(await refused([pair()], [nfs('nas:/a', 'in'), nfs('nas:/a', 'out')])).toEqual([
    INSIDE.replace('inside the', 'the'),
  ]);
});

it('an archive and the state directory inside the inbox, and an outbox among the state, are found through links', async () => {
  await symlink(at('in/sub'), at('link'));
  await mkdir(at('state'));
  await symlink(at('state'), at('state-link'));
  expect(await refused([{ ...pair(), archive: at('link') }])).toEqual([
    expect.stringMatching(/^folders\[0\]\.archive: through a link/),
  ]);
  expect(await refused([pair()], [], { stateDir: at('link') })).toEqual([expect.stringMatching(/^state_dir: through/)]);
  expect(await refused([pair('in', 'state-link')])).toEqual([
    expect.stringMatching(/^folders\[0\]\.outbox: .*inside state_dir/),
  ]);
});

it('two inboxes that are one folder are found, whatever their names', async () => {
  await symlink(at('in'), at('alias'));
  expect(await refused([pair(), pair('alias', 'out2')])).toEqual([expect.stringContaining('is the same folder as')]);
  // As on a disk that ignores case.
  const stat: typeof nodeFiles.stat = path => nodeFiles.stat(path.replace(/\/IN\b/, '/in'));
  const config = { ...defaultConfig(at), http: { listen: 'off' as const } };
  const [folder] = config.folders as [Folder];
  config.folders = [
    { ...folder, ...pair() },
    { ...folder, ...pair('IN', 'out2') },
  ];
  const mkIn = await mkdir(at('IN'));
  expect(mkIn).toBeUndefined();
  const facts = await startFacts({ config, hasHttpToken: false, files: { stat }, mounts: [DISK] });
  expect(refusals(facts).map(({ message }) => message)).toEqual([expect.stringContaining('is the same folder as')]);
});

it('an address that others reach needs a token, unless nothing listens', async () => {
  const open = { http: { listen: { host: '0.0.0.0', port: 8788 } } };
  expect(await refused([pair()], [], open)).toEqual([expect.stringMatching(/^http\.listen: other machines can reach/)]);
  const config = { ...defaultConfig(at), ...open };
  for (const facts of [{ hasHttpToken: true }, { hasHttpToken: false, listens: false }]) {
    expect(refusals(await startFacts({ config, files: nodeFiles, ...facts }))).toEqual([]);
  }
});
