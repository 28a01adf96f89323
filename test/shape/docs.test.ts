/** The documents against each other: every link leads somewhere, and the README stays short enough to be read. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const below = (dir: string) =>
  readdirSync(join(ROOT, dir), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.md'))
    .map(name => join(dir, name));
const pages = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...below('docs'), ...below('test')];
/** With a slash before each, so that a name is compared from its beginning: documents may leave out the room. */
const sources = ['src', 'test'].flatMap(dir =>
  readdirSync(join(ROOT, dir), { recursive: true, encoding: 'utf8' }).map(name => `/${join(dir, name)}`),
);
const read = (page: string) => readFileSync(join(ROOT, page), 'utf8');

/** Anchors as GitHub makes them: lower case, no punctuation, hyphens for spaces. */
function anchorsOf(page: string): string[] {
  return [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe('the documents', () => {
  it('were found', () => expect(pages.length).toBeGreaterThan(15));

  it.each(pages)('%s: every link leads to a file and a heading that exist', page => {
    const links = [...read(page).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(([, link = '']) => link);
    const broken = links.filter(link => {
      const [file = '', anchor] = link.split('#');
      const target = file === '' ? page : join(dirname(page), file);
      if (!existsSync(join(ROOT, target))) return true;
      return anchor !== undefined && !anchorsOf(target).includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  it.each([...pages, 'src/app/daemon.ts'])('%s: every source file it names exists', page => {
    const comment = page.endsWith('.ts') ? (read(page).split('*/')[0] ?? '') : read(page);
    const named = [...comment.matchAll(/[\w-]+(?:\/[\w-]+)+\.tsx?\b/g)].map(([name]) => `/${name}`);
    const isExample = (name: string) => name === '/src/a/b.ts';
    expect(named.filter(name => !isExample(name) && !sources.some(source => source.endsWith(name)))).toEqual([]);
  });

  it.each(pages)('%s: every file and folder it names by its whole path exists', page => {
    const named = [...read(page).matchAll(/`((?:src|test|docs|systemd|\.ci)\/[\w./@-]*)/g)].map(
      ([, path = '']) => path,
    );
    const isExample = (path: string) => path.startsWith('src/a/') || path.startsWith('test/a/');
    expect(named.filter(path => !isExample(path) && !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it.each(pages)('%s: every npm script it names exists', page => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = [...read(page).matchAll(/npm run ([a-z]+(?:[:-][a-z]+)*)/g)].map(([, name = '']) => name);
    expect(named.filter(name => !(name in scripts))).toEqual([]);
  });

  it('the README has at most 250 lines and 2,200 words', () => {
    const readme = read('README.md');
    expect(readme.split('\n').length).toBeLessThanOrEqual(250);
    expect(readme.split(/\s+/).length).toBeLessThanOrEqual(2_200);
  });
});
