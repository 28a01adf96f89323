import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { attributionHeaders, platformOf } from '../../../../src/engine/nemo/http/attribution.ts';

describe('attribution', () => {
  const home = '/home/ann';
  it.each([
    ['the environment', 'github', `${home}/.clawhub/x`, 'github'],
    ['clawhub by its path', undefined, `${home}/.clawhub/shrinkbox`, 'clawhub'],
    ['cursor by its path', undefined, `${home}/.cursor/skills/shrinkbox`, 'cursor'],
    ['somewhere else in .cursor', undefined, `${home}/.cursor/shrinkbox`, 'unknown'],
    ['somebody else at home', undefined, '/home/bob/.clawhub/x', 'unknown'],
    ['anywhere else', undefined, '/opt/shrinkbox', 'unknown'],
    ['an empty environment', '', '/opt/shrinkbox', 'unknown'],
    ['an environment no header can carry', 'x\r\nEvil: 1', '/opt', 'xEvil: 1'],
  ])('names the platform: %s', (_, source, path, platform) => {
    expect(platformOf(source, path, home)).toBe(platform);
  });

  it('looks in the home of who runs it', () => {
    expect(platformOf(undefined, join(homedir(), '.clawhub/a'))).toBe('clawhub');
  });

  it('has all three headers, whatever was configured', () => {
    expect(attributionHeaders({ source: 'video-compressor-download', version: '1.0.0', platform: 'unknown' })).toEqual({
      'X-Skill-Source': 'video-compressor-download',
      'X-Skill-Version': '1.0.0',
      'X-Skill-Platform': 'unknown',
    });
    expect(attributionHeaders({ source: '', version: '版本', platform: '' })).toEqual({
      'X-Skill-Source': 'unknown',
      'X-Skill-Version': 'unknown',
      'X-Skill-Platform': 'unknown',
    });
  });
});
