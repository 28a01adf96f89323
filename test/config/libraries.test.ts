import { describe, expect, test } from 'vitest';
import { allFolders, asFolder, rulesOf } from '../../src/config/libraries.ts';
import { parse, problemsOf } from './support.ts';

describe('a library', () => {
  const library = (more = '') => `folders: [{library: /srv/videos, archive: /srv/originals${more}}]`;

  test('has an archive, a least age of a week and, without rules in the file, one that nobody sees', () => {
    const config = parse(library());
    expect(config.folders).toEqual([]);
    expect(config.libraries).toEqual([
      { library: '/srv/videos', archive: '/srv/originals', originals: 'archive', minAge: 7 * 86_400_000, rules: [] },
    ]);
    const [folder] = allFolders(config);
    expect(folder).toMatchObject({ inbox: '/srv/videos', outbox: '/srv/videos', originals: 'keep' });
    expect(rulesOf(folder, config)).toMatchObject([{ name: 'library', resolution: 'keep' }]);
    expect(rulesOf(folder, config)[0]?.size).toBeUndefined();
  });

  test('gets the rules of the file where there are some', () => {
    const config = parse(`${library()}\nrules: [{name: av1, codec: av1}]`);
    const [only] = config.libraries;
    expect(only && rulesOf(asFolder(only), config)).toMatchObject([{ name: 'av1', codec: 'av1' }]);
  });

  test('replaces its originals only for somebody who says that there is a backup', () => {
    const replacing = (more: string) => `folders: [{library: /srv/videos, originals: replace${more}}]`;
    expect(problemsOf(replacing(''))[0]).toContain('folders[0].originals: replace keeps nothing of the originals');
    expect(problemsOf(replacing(', i_have_a_backup: false'))[0]).toContain('add "i_have_a_backup: true"');
    expect(parse(replacing(', i_have_a_backup: true')).libraries[0]).toMatchObject({ originals: 'replace' });
    expect(problemsOf(replacing(', i_have_a_backup: true, archive: /srv/old'))[0]).toContain(
      'folders[0].archive: is not used',
    );
  });

  test.each([
    ['folders: [{library: /srv/videos}]', 'folders[0].library: needs a folder outside of it for the originals'],
    [library(', originals: delete'), 'folders[0].originals: delete is not for a library'],
    [library(', originals: keep'), 'folders[0].originals: keep is not for a library'],
    [library(', inbox: /srv/in'), 'folders[0].inbox: is for folders with an inbox'],
    [library(', settle: 5s'), 'folders[0].settle: is for folders with an inbox'],
    [
      'folders: [{library: /srv/videos, archive: /srv/videos/old}]',
      'is inside the library of folders[0] (/srv/videos)',
    ],
    [
      'folders: [{library: /srv/videos, archive: /srv/a}, {inbox: /srv/videos/in, outbox: /srv/out}]',
      'is inside the library of folders[0]',
    ],
    ['folders: [{inbox: /a, outbox: /b, min_age: 3d}]', 'folders[0].min_age: is for libraries'],
    ['folders: [{inbox: /a, outbox: /b, originals: replace}]', 'folders[0].originals: replace is for libraries'],
    [`${library()}\nengine: nemo\nrules: [{name: all}]`, 'its rule "all" is done by the engine nemo'],
    [`${library()}\nrules: [{instruction: first 10 seconds}]`, 'its rule "rule-1" has an instruction'],
    [`${library()}\nrules: [{output: "{name}.small.mp4"}]`, 'its rule "rule-1" names its results'],
  ])('%s is refused', (text, expected) => {
    expect(problemsOf(text).join('\n')).toContain(expected);
  });
});
