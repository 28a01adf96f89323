import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Config } from '../../src/config/load.ts';
import type { Explanation } from '../../src/api/types.ts';
import { ShrinkError } from '../../src/core/errors.ts';
import type { Order } from '../../src/core/job.ts';
import { type ExplainContext, explainFile, explainOnPage } from '../../src/app/explain.ts';
import { Folders } from '../../src/app/folders.ts';
import { type Files, nodeFiles } from '../../src/platform/files/files.ts';
import { Ledger } from '../../src/queue/ledger.ts';
import { aDecision } from '../support/builders.ts';
import { FailingFiles } from '../support/failing-files.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { MemoryJournal } from '../support/memory-journal.ts';

let dir: string;
let inbox: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'shrinkbox-explain-'));
  inbox = join(dir, 'in');
  mkdirSync(join(inbox, '@eaDir'), { recursive: true });
  writeFileSync(join(inbox, 'clip.mp4'), 'x');
});

afterEach(() => rmSync(dir, { recursive: true }));

async function verdict(path: string): Promise<string> {
  return (await explained(path)).verdict;
}

async function explained(path: string, files: Files = nodeFiles, sidecars: unknown[] = []): Promise<Explanation> {
  return explainFile(path, contextOf(files, sidecars));
}

function contextOf(files: Files, sidecars: unknown[] = []): ExplainContext {
  const config = { stateDir: join(dir, 'state'), folders: [{ inbox, outbox: join(dir, 'out') }] } as unknown as Config;
  return {
    folders: new Folders(config, nodeFiles),
    ledger: new Ledger(new MemoryJournal(), new FakeClock()),
    rulebook: {
      trace: ({ sidecar }) => {
        sidecars.push(sidecar);
        return { decision: aDecision(), checked: [] };
      },
    },
    engines: {},
    files,
    clock: { now: () => Date.now() },
    arriving: asked => (asked.endsWith('clip.mp4') ? 'it is empty' : undefined),
  };
}

// Was: "in the inbox", with a plan for films that the library leaves alone.
describe('a film of a library', () => {
  const asked = async ({ minAge = 0, name = 'clip.mp4', lines = ['two passes'] as string[] | ShrinkError } = {}) => {
    symlinkSync('clip.mp4', join(inbox, 'link.mp4'));
    const library = { library: inbox, originals: 'replace', minAge, rules: [] };
    const config = { stateDir: join(dir, 'state'), folders: [], libraries: [library] } as unknown as Config;
    const orders: Order[] = [];
    const describe = async (order: Order) => {
      orders.push(order);
      if (lines instanceof ShrinkError) throw lines;
      return lines.map(text => ({ text }));
    };
    const engines = { local: { describe } } as unknown as ExplainContext['engines'];
    const context = { ...contextOf(nodeFiles), folders: new Folders(config, nodeFiles), engines };
    return { orders, explanation: await explainFile(join(inbox, name), context) };
  };

  it('is said to be that, and what a started plan would do in its place', async () => {
    const { explanation, orders } = await asked();
    expect(explanation).toMatchObject({ folder: inbox, library: true, plan: ['two passes'] });
    expect(explanation.verdict).toMatch(/^put in its place once a plan of the library is started: rule default/);
    expect(orders).toMatchObject([{ inPlace: true }]);
  });

  it.each([
    ['by what its inode says, and nothing is planned', { minAge: 86_400_000 }, /^left alone: .*\(min_age\)$/, 0],
    ['by what its content says', { lines: new ShrinkError('cannot-fit', 'too good') }, /^left alone: too good$/, 1],
    ['as it is damaged', { lines: new ShrinkError('not-media', 'no video') }, /^left alone: no video$/, 1],
    ['as a link', { name: 'link.mp4' }, /^left alone: it is a link; what it leads to is left alone here$/, 0],
  ])('is left alone %s', async (_, facts, verdict, looks) => {
    const { explanation, orders } = await asked(facts);
    expect(explanation).toMatchObject({ library: true, plan: [], verdict: expect.stringMatching(verdict) });
    expect(orders).toHaveLength(looks);
  });
});

describe('explain', () => {
  it('says what the rules say of a plain file', async () => {
    expect(await verdict(join(inbox, 'clip.mp4'))).toMatch(/^rule default, engine local/);
  });

  it('says that clip.txt beside clip.mp4 is not the name of an instruction', async () => {
    writeFileSync(join(inbox, 'clip.txt'), 'under 10 MB');
    const { plan } = await explained(join(inbox, 'clip.mp4'));
    expect(plan).toContain('clip.txt is not read as an instruction; if it is meant for clip.mp4, name it clip.mp4.txt');
    writeFileSync(join(inbox, 'film.mp4'), 'x');
    expect((await explained(join(inbox, 'film.mp4'))).plan.join()).not.toContain('not read');
  });

  // Was: not read.
  it.each(['CLIP.MP4.TXT', 'clip.mp4.TXT', 'Clip.mp4.txt'])('reads %s beside clip.mp4', async name => {
    writeFileSync(join(inbox, name), 'under 10 MB');
    const seen: unknown[] = [];
    await explained(join(inbox, 'clip.mp4'), nodeFiles, seen);
    expect(seen).toEqual([{ path: join(inbox, name), text: 'under 10 MB' }]);
  });

  it('says that a share does not answer, and does not hang with it', async () => {
    const share: Files = {
      ...nodeFiles,
      lstat: () => Promise.reject(new ShrinkError('unavailable', '/mnt/nas does not answer')),
    };
    const said = await explained(join(inbox, 'clip.mp4'), share);
    expect(said).toMatchObject({ verdict: '/mnt/nas does not answer', folder: inbox });
  });

  it('says of a file anywhere what would be done to it in the first inbox, with the words beside it', async () => {
    const path = join(dir, 'elsewhere.mp4');
    writeFileSync(path, 'x');
    writeFileSync(`${path}.txt`, 'under 10 MB');
    const seen: unknown[] = [];
    const said = await explained(path, nodeFiles, seen);
    expect(said).toMatchObject({ folder: null, path });
    expect(said.verdict).toMatch(/^in the inbox .+ it would be: /);
    expect(said.verdict).toContain(inbox);
    expect(said.messages?.verdict).toMatchObject({ code: 'app.if-in-inbox' });
    expect(seen).toEqual([{ path: `${path}.txt`, text: 'under 10 MB' }]);
  });

  it('says why the watcher does not take a file yet', async () => {
    expect(await explained(join(inbox, 'clip.mp4'))).toMatchObject({ arriving: 'it is empty' });
    writeFileSync(join(inbox, 'other.mp4'), 'x');
    expect(await explained(join(inbox, 'other.mp4'))).toMatchObject({ arriving: null });
  });

  it('never opens a named pipe, in an inbox or elsewhere', async () => {
    for (const path of [join(inbox, 'pipe.mp4'), join(dir, 'pipe.mp4')]) {
      execFileSync('mkfifo', [path]);
      expect(await verdict(path)).toMatch(/a pipe|in no inbox/);
    }
  });

  it('says of what the watcher leaves alone that it is left alone, and why', async () => {
    writeFileSync(join(inbox, '.hidden.mp4'), 'x');
    writeFileSync(join(inbox, 'clip.mp4.part'), 'x');
    writeFileSync(join(inbox, '@eaDir', 'clip.mp4'), 'x');
    symlinkSync('/etc/passwd', join(inbox, 'out.mp4'));
    symlinkSync('clip.mp4', join(inbox, 'within.mp4'));
    symlinkSync('.', join(inbox, 'loop'));
    expect(await verdict(join(inbox, '.hidden.mp4'))).toBe('left alone: its name begins with a dot');
    expect(await verdict(join(inbox, 'clip.mp4.part'))).toMatch(/^left alone: .*still being written/);
    expect(await verdict(join(inbox, '@eaDir', 'clip.mp4'))).toMatch(/^left alone: the folder @eaDir/);
    expect(await verdict(join(inbox, 'out.mp4'))).toBe(
      'left alone: it is a link that leads out of the inbox (/etc/passwd)',
    );
    expect(await verdict(join(inbox, 'within.mp4'))).toMatch(/a link to something in the same inbox/);
    expect(await verdict(join(inbox, 'loop'))).toMatch(/a link to something in the same inbox/);
    expect(await verdict(inbox)).toMatch(/^this is a folder/);
    mkdirSync(join(inbox, 'folder.mp4'));
    expect(await verdict(join(inbox, 'folder.mp4'))).toMatch(/^this is a folder/);
  });
});

describe('explain over HTTP', () => {
  const asked = (path: string, files: Files = nodeFiles) => explainOnPage(path, contextOf(files));

  // Was: "there is no such file" or "it is in no inbox", and the path a link or an entry of /proc led to.
  it('does not tell what exists outside the inboxes, nor where links and /proc lead', async () => {
    const files = new FailingFiles();
    symlinkSync('/etc', join(dir, 'linked'));
    symlinkSync(inbox, join(dir, 'to-inbox'));
    for (const path of [
      ...['/etc/passwd', '/etc/no-such-file', '/proc/self/cwd/x', '/proc/self/exe', '/', inbox, `${inbox}2/clip.mp4`],
      ...[join(dir, 'linked/passwd'), join(dir, 'to-inbox/clip.mp4'), `${inbox}/../x.mp4`, `${inbox}/../../etc/passwd`],
    ]) {
      expect(await asked(path, files)).toEqual({
        ...{ path, folder: null, rules: [], plan: [], arriving: null, before: [] },
        verdict: 'it is in no inbox, so shrinkbox leaves it alone',
        messages: { verdict: { code: 'app.in-no-inbox', params: undefined } },
      });
    }
    expect(files.calls).toEqual([]);
  });

  it('follows no link in an inbox, and does not say where one leads', async () => {
    writeFileSync(join(dir, 'secret.mp4'), 'x');
    symlinkSync(dir, join(inbox, 'away'));
    symlinkSync(join(dir, 'secret.mp4'), join(inbox, 'out.mp4'));
    symlinkSync('clip.mp4', join(inbox, 'within.mp4'));
    for (const [name, link] of [
      ['away/secret.mp4', 'away'],
      ['away/no-such.mp4', 'away'],
      ['out.mp4', 'out.mp4'],
      ['within.mp4', 'within.mp4'],
    ]) {
      const said = await asked(join(inbox, name ?? ''));
      expect(said).toMatchObject({ path: join(inbox, name ?? ''), folder: inbox, plan: [], rules: [] });
      expect(said.verdict).toBe(`${join(inbox, link ?? '')} is a link; links are not followed there`);
    }
  });

  it('explains what is in an inbox as the command line does', async () => {
    mkdirSync(join(inbox, 'sub'));
    writeFileSync(join(inbox, 'sub', 'clip.mp4'), 'x');
    execFileSync('mkfifo', [join(inbox, 'pipe.mp4')]);
    for (const name of ['clip.mp4', 'sub/clip.mp4', 'sub', 'pipe.mp4', '@eaDir/clip.mp4', 'no-such.mp4', '.x.mp4']) {
      expect(await asked(join(inbox, name))).toEqual(await explained(join(inbox, name)));
    }
    const path = `${inbox}/sub/../clip.mp4`;
    expect(await asked(path)).toEqual({ ...(await explained(path)), path });
  });
});
