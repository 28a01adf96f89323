import { describe, expect, it } from 'vitest';
import { createAddressPolicy, isPrivate } from '../../../../src/engine/nemo/http/address-policy.ts';

describe('addresses results may come from', () => {
  it.each([
    ['127.0.0.1', true],
    ['10.1.2.3', true],
    ['172.16.0.1', true],
    ['172.32.0.1', false],
    ['192.168.1.1', true],
    ['169.254.169.254', true],
    ['100.64.0.1', true],
    ['0.0.0.0', true],
    ['224.0.0.1', true],
    ['255.255.255.255', true],
    ['8.8.8.8', false],
    ['1.1.1.1', false],
    ['::1', true],
    ['::', true],
    ['fe80::1', true],
    ['fd00::1', true],
    ['ff02::1', true],
    ['::ffff:127.0.0.1', true],
    ['::ffff:7f00:1', true],
    ['::ffff:808:808', false],
    ['2606:4700:4700::1111', false],
    ['not an address', true],
  ])('%s is private: %s', (address, is) => {
    expect(isPrivate(address)).toBe(is);
  });

  const policy = createAddressPolicy('https://api.example');
  it.each([
    'ftp://c.example/x',
    'file:///etc/passwd',
    'nonsense',
    'http://127.0.0.1/x',
    'http://0x7f000001/x',
    'http://[::1]/x',
    'http://[::ffff:10.0.0.1]/x',
    'http://169.254.169.254/latest',
  ])('refuses %s', url => {
    expect(() => policy.check(url)).toThrow(expect.objectContaining({ code: 'bad-answer' }));
  });

  it.each(['https://c.example/x', 'http://8.8.8.8/x'])('takes %s', url => {
    expect(() => policy.check(url)).not.toThrow();
  });

  it('takes the address the API itself is at, and no other private one', () => {
    const local = createAddressPolicy('http://127.0.0.1:8080');
    expect(() => local.check('http://127.0.0.1:9999/x')).not.toThrow();
    expect(() => local.check('http://127.0.0.2/x')).toThrow();
  });

  const look = (addresses: { address: string; family: number }[], host = 'c.example') =>
    new Promise<unknown>((resolve, reject) => {
      const fake = ((_host: string, _options: object, callback: (error: null, found: object) => void) =>
        callback(null, addresses)) as never;
      createAddressPolicy('https://api.example', fake).lookup(host, { all: true }, (error, found) =>
        error ? reject(error) : resolve(found),
      );
    });

  it('refuses a name that leads into a private network, at the moment of connecting', async () => {
    await expect(look([{ address: '10.0.0.1', family: 4 }])).rejects.toMatchObject({ code: 'bad-answer' });
    await expect(
      look([
        { address: '10.0.0.1', family: 4 },
        { address: '8.8.8.8', family: 4 },
      ]),
    ).resolves.toEqual([{ address: '8.8.8.8', family: 4 }]);
    await expect(look([{ address: '10.0.0.1', family: 4 }], 'api.example')).resolves.toHaveLength(1);
  });
});
