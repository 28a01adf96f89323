import { describe, expect, it } from 'vitest';
import { ownTempName } from '../../src/core/file-names.ts';
import {
  companionsOf,
  isLinkInText,
  mediaNameOf,
  reasonToIgnoreFile,
  reasonToIgnoreFolder,
} from '../../src/inbox/ignored-names.ts';

describe('names that are left alone', () => {
  it.each([
    'clip.mp4.part',
    'clip.mp4.crdownload',
    'Unconfirmed 1234.crdownload',
    'clip.mp4.tmp',
    'clip.mp4.TMP',
    'clip.mp4.!qB',
    'clip.mp4.!ut',
    '~clip.mp4',
    '~$clip.mp4',
    'clip.mp4~',
    '.syncthing.clip.mp4.tmp',
    '~syncthing~clip.mp4.tmp',
    '.clip.mp4.Ab3dE9',
    'clip.partial',
    'clip.download',
    'clip.temp',
    'clip.mp4.filepart',
    'clip.mp4.aria2',
    'clip.lock',
    'clip.swp',
    '.hidden.mp4',
    '._clip.mp4',
    '.DS_Store',
    '.smbdelete1234',
    'Thumbs.db',
    'desktop.ini',
    ownTempName('abc123'),
  ])('file %s', name => {
    expect(reasonToIgnoreFile(name)?.text).toMatch(/^(its name|it belongs)/);
  });

  it.each([
    '.~tmp~',
    '.rsync-partial',
    '@eaDir',
    '@EADIR',
    '#recycle',
    '#snapshot',
    '$RECYCLE.BIN',
    'lost+found',
    '__MACOSX',
    '_UNPACK_Some.Film',
    '_FAILED_Some.Film',
    '.stfolder',
    '.stversions',
    '.Trash-1000',
    'System Volume Information',
    'clip.mp4.download',
  ])('folder %s', name => {
    expect(reasonToIgnoreFolder(name)).toBeDefined();
  });

  it.each([
    'clip.mp4',
    'part.mp4',
    'my.part.mp4',
    'tmp',
    'download.mov',
    'clip ~ final.mp4',
    '-rf.mp4',
    'ein "Film".mkv',
    'Ünïcode 🎬.mp4',
    'a\nb.mp4',
    'lost+found.mp4',
  ])('but not %j', name => {
    expect(reasonToIgnoreFile(name)).toBeUndefined();
    expect(reasonToIgnoreFolder(name)).toBeUndefined();
  });
});

describe('names beside a file', () => {
  it('say that it is still being downloaded', () => {
    expect(companionsOf('clip.mp4')).toEqual([
      'clip.mp4.aria2',
      'clip.mp4.part',
      'clip.mp4.!qB',
      'clip.mp4.crdownload',
    ]);
  });

  it.each([
    ['clip.mp4.txt', 'clip.mp4'],
    ['clip.failed.txt', 'clip.failed'],
    ['clip.txt', 'clip'],
    ['.txt', undefined],
    ['clip.mp4', undefined],
  ])('%s belongs to %s', (name, media) => {
    expect(mediaNameOf(name)).toBe(media);
  });

  it('may be a link in a text', () => {
    expect(isLinkInText('link.url.txt')).toBe(true);
    expect(isLinkInText('link.txt')).toBe(false);
  });
});
