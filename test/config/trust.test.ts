import { describe, expect, it } from 'vitest';
import { loadConfig, loadConfigLeniently } from '../../src/config/find.ts';
import { isAloneInGroup, whyNotTrusted } from '../../src/config/trust.ts';
import { HERE, readFrom } from './support.ts';

const ME = 1000;
const OWN_GROUP = 1000;
const users = { caller: ME, isAlone: (uid: number, gid: number) => uid === gid };
const file = { path: '/d/config.yaml', uid: ME, gid: OWN_GROUP, mode: 0o100644 };
const folder = { path: '/d', uid: ME, gid: OWN_GROUP, mode: 0o040755 };

describe('a configuration that nobody named is trusted', () => {
  it.each([
    ['of the caller', {}, {}],
    ['of root', { uid: 0, gid: 0 }, { uid: 0, gid: 0 }],
    ['where everybody has a group alone and lets it write', { mode: 0o100664 }, { mode: 0o040775 }],
  ])('%s', (_, ofFile, ofFolder) => {
    expect(
      whyNotTrusted(
        [
          { ...file, ...ofFile },
          { ...folder, ...ofFolder },
        ],
        users,
      ),
    ).toBeUndefined();
  });
});

describe('it is not trusted', () => {
  it.each([
    ['of another user', { uid: 1001 }, {}, '/d/config.yaml belongs to another user (uid 1001)'],
    ['in a folder of another user', {}, { uid: 1001 }, '/d belongs to another user (uid 1001)'],
    ['that everybody may write', { mode: 0o100646 }, {}, 'every user may write to /d/config.yaml'],
    [
      'that a group may write',
      { gid: 50, mode: 0o100664 },
      {},
      'a group of users (gid 50) may write to /d/config.yaml',
    ],
    ['in a folder everybody may write', {}, { mode: 0o040777 }, 'every user may write to /d'],
    ['in such a folder with the sticky bit', {}, { uid: 0, mode: 0o041777 }, 'every user may write to /d'],
    ['in a folder of a group', {}, { gid: 50, mode: 0o042775 }, 'a group of users (gid 50) may write to /d'],
  ])('%s', (_, ofFile, ofFolder, why) => {
    expect(
      whyNotTrusted(
        [
          { ...file, ...ofFile },
          { ...folder, ...ofFolder },
        ],
        users,
      ),
    ).toBe(why);
  });

  it.each(['/srv/config.yaml', '/home/me/.config/shrinkbox/config.yaml', '/etc/shrinkbox/config.yaml'])(
    '%s, and then neither is its state_dir, nor the next file',
    async path => {
      const read = readFrom({ [path]: 'state_dir: /evil\n foldrs: [', '/etc/shrinkbox/config.yaml': 'engine: nemo' });
      const context = {
        ...HERE,
        readFile: (name: string, _: number, opened?: (owner: typeof file) => void) => {
          const text = read(name);
          opened?.(file);
          return text;
        },
        whyNotTrusted: (name: string) => `every user may write to ${name}`,
      };
      for (const load of [loadConfig, loadConfigLeniently]) {
        await expect(load(context)).rejects.toMatchObject({
          code: 'config-invalid',
          message: `${path} was found, not named, and is not used: every user may write to ${path}`,
          hint: expect.stringContaining(`--config ${path} takes it all the same`),
        });
      }
    },
  );
});

describe('a user is alone in a group', () => {
  const passwd =
    'root:x:0:0::/root:/bin/sh\nmaria:x:1000:1000::/home/maria:/bin/sh\ntom:x:1001:1001::/home/tom:/bin/sh\n';
  const alone = (group: string, more = '') => isAloneInGroup(1000, 1000, { passwd: passwd + more, group });

  it('that the system made for her', () => {
    expect(alone('maria:x:1000:\n')).toBe(true);
    expect(alone('maria:x:1000:maria\n')).toBe(true);
  });

  it('but not if it has another member, or is not known', () => {
    expect(alone('maria:x:1000:tom\n')).toBe(false);
    expect(alone('maria:x:1000:\n', 'eve:x:1002:1000::/:/bin/sh\n')).toBe(false);
    expect(alone('tom:x:1001:\n')).toBe(false);
    expect(isAloneInGroup(1000, 50, { passwd, group: 'staff:x:50:\n' })).toBe(false);
    expect(isAloneInGroup(4000, 1000, { passwd, group: 'maria:x:1000:\n' })).toBe(false);
  });
});
