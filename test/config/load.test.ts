import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/find.ts';
import { parseConfig } from '../../src/config/load.ts';
import { ConfigError } from '../../src/config/problems.ts';
import { isShrinkError, ShrinkError } from '../../src/core/errors.ts';
import { errno, HERE, parse, problemsOf, problemsOfLoading, readFrom } from './support.ts';

describe('where it is found', () => {
  const at = (files: Record<string, string | Error>, more: { path?: string; env?: Record<string, string> } = {}) =>
    loadConfig({ ...HERE, ...more, readFile: readFrom(files) });
  const named = (level: string) => `log: {level: ${level}}`;

  test('--config, $SHRINKBOX_CONFIG, ./config.yaml, home, /etc, built in: the first that is there', async () => {
    const files: Record<string, string> = {
      '/srv/mine.yaml': named('trace'),
      '/srv/env.yaml': named('debug'),
      '/srv/config.yaml': named('warn'),
      '/home/me/.config/shrinkbox/config.yaml': named('error'),
      '/etc/shrinkbox/config.yaml': named('fatal'),
    };
    const env = { SHRINKBOX_CONFIG: 'env.yaml' };
    const seen: [string | null, string][] = [];
    const look = async (more = {}) => {
      const { source, log } = await at(files, more);
      seen.push([source, log.level]);
      if (source) delete files[source];
    };
    await look({ path: 'mine.yaml', env });
    await look({ env });
    for (let i = 0; i < 4; i += 1) await look();
    expect(seen).toEqual([
      ['/srv/mine.yaml', 'trace'],
      ['/srv/env.yaml', 'debug'],
      ['/srv/config.yaml', 'warn'],
      ['/home/me/.config/shrinkbox/config.yaml', 'error'],
      ['/etc/shrinkbox/config.yaml', 'fatal'],
      [null, 'info'],
    ]);
  });

  test.each<[string, { path?: string; env?: Record<string, string> }, string]>([
    [
      'a file named with --config must be there',
      { path: 'no.yaml' },
      '/srv/no.yaml: does not exist, but --config names it',
    ],
    [
      'so must one named by the variable',
      { env: { SHRINKBOX_CONFIG: '/no.yaml' } },
      '/no.yaml: does not exist, but SHRINKBOX_CONFIG names it',
    ],
    ['~ is the home folder', { path: '~/no.yaml' }, '/home/me/no.yaml: does not exist, but --config names it'],
  ])('%s', async (_, more, expected) => {
    expect(await problemsOfLoading(at({}, more))).toEqual([expected]);
  });

  test.each<[string, Error, string]>([
    [
      'forbidden',
      errno('EACCES'),
      '/srv/config.yaml: cannot be read: permission denied; give read access to the user shrinkbox runs as',
    ],
    ['broken', errno('EIO'), '/srv/config.yaml: cannot be read: EIO: made up'],
    ['no file at all', new ShrinkError('io', 'is a folder, not a file'), '/srv/config.yaml: is a folder, not a file'],
  ])('a file that is %s is not passed over for the next one', async (_, error, expected) => {
    const files = { '/srv/config.yaml': error, '/etc/shrinkbox/config.yaml': named('fatal') };
    const problems = await problemsOfLoading(at(files));
    expect(problems.map(line => line.replace(/^(?!\/)/, '/srv/config.yaml:'))).toEqual([expected]);
  });
});

describe('the built-in defaults', () => {
  const load = () => loadConfig({ ...HERE, readFile: readFrom({}) });

  test('are what the schema makes of a file without a line', async () => {
    expect(await load()).toEqual(parseConfig(undefined, { ...HERE, source: null }));
  });

  test('are overridden by the environment', async () => {
    const env = { NEMO_WEB_URL: 'https://elsewhere.example' };
    const config = await loadConfig({ ...HERE, env, readFile: readFrom({}) });
    expect(config.nemo.webUrl).toBe('https://elsewhere.example');
  });

  test('are those of the contract', async () => {
    const config = await load();
    expect(config).toEqual({
      source: null,
      stateDir: '/srv/state',
      engine: 'local',
      libraries: [],
      folders: [
        {
          inbox: '/srv/inbox',
          outbox: '/srv/outbox',
          rules: ['default'],
          originals: 'keep',
          scan: 'auto',
          reports: 'on-failure',
        },
      ],
      rules: [
        {
          name: 'default',
          match: ['**'],
          size: { kind: 'bytes', bytes: 50_000_000 },
          resolution: { kind: 'lines', lines: 1080 },
          audio: { kind: 'keep' },
          quality: 'auto',
          fallback: 'none',
          output: '{dir}/{name}.mp4',
          minSaving: 0.05,
          floor: 'good',
          belowFloor: 'keep-quality',
          skip: false,
        },
      ],
      limits: { local: 1, nemo: 4, uploads: 2, minFree: { bytes: 64_000_000, share: 0.01 } },
      nemo: {
        apiUrl: 'https://mega-api-prod.nemovideo.ai',
        webUrl: 'https://nemovideo.com',
        language: 'en',
        pollInterval: 30_000,
        pollLimit: 1_800_000,
        messageTimeout: 900_000,
        heartbeatTimeout: 600_000,
        recovery: { first: 30_000, every: 60_000, checks: 5 },
        retryAfter: 30_000,
        maxUpload: 500_000_000,
        oversize: 'local',
        session: 'per-file',
      },
      local: { ffmpeg: 'ffmpeg', ffprobe: 'ffprobe', effort: 'balanced', hardware: 'off' },
      http: { listen: { host: '127.0.0.1', port: 8788 } },
      notify: [],
      after: [],
      log: { level: 'info', format: 'auto' },
    });
  });

  test('are what an empty map gives, too', async () => {
    expect({ ...parse('{}'), source: null }).toEqual(await load());
  });
});

describe('values', () => {
  test('all kinds, each read as it is meant', () => {
    const config = parse(`
state_dir: /var/lib/shrinkbox
engine: nemo
folders:
  - {inbox: in, outbox: ../out, originals: archive, archive: ~/old, archive_days: 30, settle: 2s, scan: 5m, reports: always}
  - {inbox: ~/drop, outbox: ~/ready, rules: big}
rules:
  - {match: [a, b], min_size: 1GB, size: 25%, resolution: 1280x720, fps: 29.97, audio: 96k, codec: av1, quality: max}
  - {name: big, match: c, size: 10MiB, resolution: keep, audio: mute, engine: local, fallback: local, min_saving: 12.5%, floor: any, below_floor: keep-quality, skip: true}
limits: {local: 2, local_hours: '22:00-07:00', min_free: 2GB, upload_rate: 5MB/s, requests_per_minute: 60}
nemo: {token_file: token, max_upload: 2GiB, recovery: {checks: 3}, poll_interval: 250ms}
local: {ffmpeg: ./bin/ffmpeg, ffprobe: /opt/ffprobe, threads: 3}
http: {listen: '[::1]:0'}
notify: [{url: 'https://ntfy.sh/x', on: done}]
`);
    expect(config).toMatchObject({
      source: '/srv/config.yaml',
      stateDir: '/var/lib/shrinkbox',
      engine: 'nemo',
      folders: [
        {
          inbox: '/srv/in',
          outbox: '/out',
          archive: '/home/me/old',
          archiveDays: 30,
          settle: 2000,
          scan: 300_000,
          rules: ['rule-1', 'big'],
        },
        { inbox: '/home/me/drop', outbox: '/home/me/ready', rules: ['big'] },
      ],
      rules: [
        {
          name: 'rule-1',
          match: ['a', 'b'],
          minSize: 1e9,
          size: { kind: 'share', share: 0.25 },
          resolution: { kind: 'box', width: 1280, height: 720 },
          fps: 29.97,
          audio: { kind: 'bitrate', bitsPerSecond: 96_000 },
          codec: 'av1',
          quality: 'max',
          floor: 'decent',
          belowFloor: 'hold',
        },
        {
          match: ['c'],
          size: { kind: 'bytes', bytes: 10_485_760 },
          resolution: 'keep',
          audio: { kind: 'mute' },
          minSaving: 0.125,
          floor: 'any',
          belowFloor: 'keep-quality',
          skip: true,
        },
      ],
      limits: {
        local: 2,
        localHours: { fromMinute: 1320, toMinute: 420 },
        minFree: { bytes: 2e9, share: 0 },
        uploadRate: 5e6,
        requestsPerMinute: 60,
      },
      nemo: { tokenFile: '/srv/token', maxUpload: 2 ** 31, recovery: { first: 30_000, checks: 3 }, pollInterval: 250 },
      local: { ffmpeg: '/srv/bin/ffmpeg', ffprobe: '/opt/ffprobe', threads: 3 },
      http: { listen: { host: '::1', port: 0 } },
      notify: [{ url: 'https://ntfy.sh/x', on: ['done'] }],
    });
  });

  test('anchors, aliases and merge keys work', () => {
    const config = parse('rules:\n  - &a {name: a, size: 5MB, fps: 25}\n  - {<<: *a, name: b, size: 6MB}\n');
    expect(config.rules).toMatchObject([
      { name: 'a', fps: 25, size: { bytes: 5e6 } },
      { name: 'b', fps: 25, size: { bytes: 6e6 } },
    ]);
  });

  test('a section with all its lines commented out is no mistake', () => {
    expect(parse('limits:\n  # local: 2\nlog:\nengine: local\n').limits.local).toBe(1);
  });

  test.each([
    ['off', 'off'],
    ['localhost:80', { host: 'localhost', port: 80 }],
    ['127.1.2.3:1', { host: '127.1.2.3', port: 1 }],
  ])('http.listen %s', (written, expected) => {
    expect(parse(`http: {listen: "${written}"}`).http.listen).toEqual(expected);
  });

  test.each([
    ['https://nas.home', 'https://nas.home/'],
    ['https://NAS.home:443/shrinkbox', 'https://nas.home/shrinkbox/'],
    ['http://nas.home:8080/a/b//', 'http://nas.home:8080/a/b/'],
  ])('reads the public address %s', (written, expected) => {
    expect(parse(`http: {public_url: "${written}"}`).http.publicUrl).toBe(expected);
  });
});

describe('one wrong value', () => {
  /** ^ stands where the message points. */
  test.each<[string, string]>([
    // sizes
    ['rules: [{size: ^50 megs}]', 'rules[0].size: "50 megs" is not a size; write 50MB, 10MiB or 25%'],
    ['rules: [{size: ^50mb}]', 'rules[0].size: "50mb" is not a size; write 50MB, 10MiB or 25% (did you mean 50MB?)'],
    ['rules: [{size: ^50M}]', 'rules[0].size: "50M" is not a size; write 50MB, 10MiB or 25% (did you mean 50MB?)'],
    ['rules: [{size: ^50}]', 'rules[0].size: 50 is not a size; write 50MB, 10MiB or 25%'],
    ['rules: [{size: ^0MB}]', 'rules[0].size: "0MB" is zero; write 50MB, 10MiB or 25%'],
    ['rules: [{size: ^0%}]', 'rules[0].size: "0%" is out of range; write 1% to 100%'],
    ['rules: [{size: ^101%}]', 'rules[0].size: "101%" is out of range; write 1% to 100%'],
    ['rules: [{size: ^-5MB}]', 'rules[0].size: "-5MB" is not a size; write 50MB, 10MiB or 25%'],
    ['rules: [{size: ^}]', 'rules[0].size: has no value; write 50MB, 10MiB or 25%, or remove the line'],
    ['rules: [{size: ^[1MB]}]', 'rules[0].size: a list is not a size; write 50MB, 10MiB or 25%'],
    ['rules: [{min_size: ^1mib}]', 'rules[0].min_size: "1mib" is not a size; write 20MB or 1GB (did you mean 1MiB?)'],
    ['rules: [{min_size: ^0B}]', 'rules[0].min_size: "0B" is zero; write 20MB or 1GB'],
    // the other keys of a rule
    [
      'rules: [{resolution: ^1080}]',
      'rules[0].resolution: 1080 is not a resolution; write 1080p, 720p, 1280x720 or keep',
    ],
    [
      'rules: [{resolution: ^4K}]',
      'rules[0].resolution: "4K" is not a resolution; write 1080p, 720p, 1280x720 or keep',
    ],
    [
      'rules: [{resolution: ^2x2}]',
      'rules[0].resolution: "2x2" is not a resolution; write 1080p, 720p, 1280x720 or keep',
    ],
    [
      'rules: [{resolution: ^10x10}]',
      'rules[0].resolution: "10x10" is out of range; each side must have 16 to 16384 pixels',
    ],
    ['rules: [{fps: ^0}]', 'rules[0].fps: 0 is not a number from 1 to 240'],
    ['rules: [{fps: ^241}]', 'rules[0].fps: 241 is not a number from 1 to 240'],
    ['rules: [{fps: ^"30"}]', 'rules[0].fps: "30" is not a number from 1 to 240 (without quotes)'],
    ['rules: [{fps: ^.nan}]', 'rules[0].fps: NaN is not a number from 1 to 240'],
    [
      'rules: [{audio: ^none}]',
      'rules[0].audio: "none" is not an audio setting; write keep, mute or a bitrate like 96k',
    ],
    ['rules: [{audio: ^9k}]', 'rules[0].audio: "9k" is out of range; write 16k to 512k'],
    ['rules: [{codec: ^h256}]', 'rules[0].codec: "h256" is not one of h264, h265 or av1; did you mean "h265"?'],
    ['rules: [{quality: ^best}]', 'rules[0].quality: "best" is not one of auto or max'],
    ['rules: [{skip: ^yes}]', 'rules[0].skip: "yes" is not true or false; write true'],
    [
      'rules: [{name: ^a/b}]',
      'rules[0].name: "a/b" is not a name; use letters, digits, spaces, dots, hyphens and underscores',
    ],
    ['rules: [{name: ^""}]', 'rules[0].name: "" is not a name; write a short name like mail'],
    [
      'rules: [{match: ^[]}]',
      'rules[0].match: is an empty list; write a pattern or a list of patterns, or remove the line',
    ],
    ['rules: [{match: ^5}]', 'rules[0].match: 5 is not a pattern; write a pattern like *.mov or camera/**'],
    ['rules: [{match: [a, ^""]}]', 'rules[0].match[1]: "" is not a pattern; write a pattern like *.mov or camera/**'],
    ['rules: [{match: ^/srv/inbox/*}]', 'rules[0].match: "/srv/inbox/*" must be relative to the inbox'],
    ['rules: [{match: ^../*}]', 'rules[0].match: "../*" must stay inside the inbox, without ..'],
    [
      'rules: [{output: ^"{nam}.mp4"}]',
      'rules[0].output: "{nam}.mp4" has the unknown placeholder {nam}; the placeholders are {dir}, {name}, {ext} and {rule}',
    ],
    ['rules: [{output: ^"../{name}.mp4"}]', 'rules[0].output: "../{name}.mp4" must stay inside the outbox, without ..'],
    [
      'rules: [{output: ^"{name}\\e[2J.mp4"}]',
      'rules[0].output: "{name}\\u001b[2J.mp4" must be one line of plain text',
    ],
    [
      'rules: [{output: ^"/x/{name}.mp4"}]',
      'rules[0].output: "/x/{name}.mp4" must be relative to the outbox, without a leading /',
    ],
    [
      'rules: [{output: ^"{name}.mkv"}]',
      'rules[0].output: "{name}.mkv" must end in .mp4, because results are MP4 files',
    ],
    [
      'rules: [{output: ^"small.mp4"}]',
      'rules[0].output: "small.mp4" must contain {name}, or all files of the rule would get the same name',
    ],
    [
      'rules: [{output: ^"{name.mp4"}]',
      'rules[0].output: "{name.mp4" has an unmatched brace; placeholders are written {name}',
    ],
    ['rules: [{output: ^".{name}.mp4"}]', 'rules[0].output: ".{name}.mp4" must not make hidden files or folders'],
    ['rules: [{min_saving: ^100%}]', 'rules[0].min_saving: "100%" is not a percentage; write 0% to 99%'],
    ['rules: ^[]', 'rules: is an empty list; add an entry, or remove the line to use the built-in rules'],
    ['rules: ^{name: a}', 'rules: a map is not a list of rules; start each with "- "'],
    ['rules: [^mail]', 'rules[0]: "mail" is not a rule; write "key: value" lines'],
    // folders
    ['folders: [^{inbox: a}]', 'folders[0].outbox: is missing; write one like ./outbox'],
    ['folders: [{inbox: ^"", outbox: o}]', 'folders[0].inbox: "" is not a path; write one like ./inbox'],
    [
      'folders: [{inbox: a, outbox: o, archive_days: ^0}]',
      'folders[0].archive_days: 0 is not a whole number from 1 to 36500',
    ],
    [
      'folders: [{inbox: a, outbox: o, settle: ^5}]',
      'folders[0].settle: 5 is not a duration; write 5s or 30s (ms, s, m, h, d)',
    ],
    ['folders: [{inbox: a, outbox: o, settle: ^0s}]', 'folders[0].settle: "0s" is too short; the minimum is 1ms'],
    ['folders: [{inbox: a, outbox: o, scan: ^10ms}]', 'folders[0].scan: "10ms" is too short; the minimum is 1s'],
    [
      'folders: [{inbox: a, outbox: o, originals: ^move}]',
      'folders[0].originals: "move" is not one of keep, archive, delete or replace',
    ],
    ['folders: ^./inbox', 'folders: "./inbox" is not a list of folders; start each with "- "'],
    ['folders:^', 'folders: has no value; start each of the folders with "- ", or remove the line'],
    // the rest
    ['engine: ^cloud', 'engine: "cloud" is not one of local, nemo or fleet'],
    ['engine: ^locl', 'engine: "locl" is not one of local, nemo or fleet; did you mean "local"?'],
    ['limits: {local: ^1.5}', 'limits.local: 1.5 is not a whole number from 1 to 64'],
    [
      'limits: {local_hours: ^"24:00-07:00"}',
      'limits.local_hours: "24:00-07:00" is not a span of hours; write 22:00-07:00',
    ],
    ['limits: {local_hours: ^10pm-7am}', 'limits.local_hours: "10pm-7am" is not a span of hours; write 22:00-07:00'],
    [
      'limits: {local_hours: ^"07:00-07:00"}',
      'limits.local_hours: "07:00-07:00" starts and ends at the same time; remove the line to allow all day',
    ],
    [
      'limits: {min_free: ^lots}',
      'limits.min_free: "lots" is not an amount of free space; write 64MB, 1% or 1% and 64MB',
    ],
    [
      'limits: {min_free: ^1% and 2%}',
      'limits.min_free: "1% and 2%" is not an amount of free space; write 64MB, 1% or 1% and 64MB',
    ],
    ['limits: {upload_rate: ^5 Mbit}', 'limits.upload_rate: "5 Mbit" is not a rate; write 5MB/s or 500kB/s'],
    ['limits: ^[1]', 'limits: a list is not a map; write "key: value" lines'],
    [
      'nemo: {api_url: ^nemovideo.ai}',
      'nemo.api_url: "nemovideo.ai" is not a web address; write one like https://mega-api-prod.nemovideo.ai',
    ],
    [
      'nemo: {api_url: ^"http://example.com"}',
      'nemo.api_url: "http://example.com" would send the token unencrypted; use https://',
    ],
    ['nemo: {language: ^English}', 'nemo.language: "English" is not a language; write a tag like en or zh-CN'],
    [
      'http: {public_url: ^nas.home}',
      'http.public_url: "nas.home" is not a web address; write one like https://nas.home/shrinkbox/',
    ],
    [
      'http: {public_url: ^"https://nas.home/?a=b"}',
      'http.public_url: "https://nas.home/..." must end with its path: no user, no password, no ? and no #',
    ],
    [
      'http: {listen: ^"8788"}',
      'http.listen: "8788" is not an address to listen on; write 127.0.0.1:8788, [::1]:8788, 0.0.0.0:8788 or off',
    ],
    [
      'http: {listen: ^"127.0.0.1:99999"}',
      'http.listen: "127.0.0.1:99999" is not an address to listen on; write 127.0.0.1:8788, [::1]:8788, 0.0.0.0:8788 or off',
    ],
    [
      'notify: [{url: ^"ftp://x", on: [done]}]',
      'notify[0].url: "ftp://x" is not a web address; write one like https://ntfy.sh/my-topic',
    ],
    [
      'notify: [{url: "https://x", on: [^dune]}]',
      'notify[0].on[0]: "dune" is not one of done, held or failed; did you mean "done"?',
    ],
    [
      'after: [{run: ^rclone}]',
      'after[0].run: "rclone" is not a list; write the program and its arguments one by one, like [rclone, copy, /srv/outbox, cloud:videos]',
    ],
    ['after: [{run: ^[]}]', 'after[0].run: is empty; write the program and its arguments'],
    ['after: [{run: [ls, ^8]}]', 'after[0].run[1]: 8 is not text; put it into quotes'],
    ['after: [{run: [ls], on: [^sent]}]', 'after[0].on[0]: "sent" is not one of done, held or failed'],
    ['after: ^ls', 'after: "ls" is not a list of commands'],
    ['notify: ^https://x', 'notify: "https://x" is not a list of web addresses to notify'],
    // keys
    [
      '^shape: 1',
      'unknown key "shape"; the keys here are state_dir, engine, folders, rules, limits, nemo, local, fleet, worker, http, notify, after, log',
    ],
    ['^engnie: local', 'unknown key "engnie"; did you mean "engine"?'],
    ['^stateDir: x', 'unknown key "stateDir"; did you mean "state_dir"?'],
    ['rules: [{^sise: 1MB}]', 'rules[0]: unknown key "sise"; did you mean "size"?'],
    ['^ffmpeg: /usr/bin/ffmpeg', 'unknown key "ffmpeg"; it belongs under local'],
    ['^inbox: ./in', 'unknown key "inbox"; it belongs under folders[]'],
    ['nemo: {recovery: {^frist: 1s}}', 'nemo.recovery: unknown key "frist"; did you mean "first"?'],
  ])('%s', (marked, expected) => {
    const column = marked.indexOf('^') + 1;
    expect(problemsOf(marked.replace('^', ''))).toEqual([`1:${column}: ${expected}`]);
  });
});

describe('values that do not go together', () => {
  const two = (a: string, b: string) => `folders:\n  - {${a}}\n  - {${b}}\n`;
  test.each<[string, string, string[]]>([
    [
      'an outbox inside its inbox',
      'folders: [{inbox: in, outbox: in/out}]',
      [
        '1:31: folders[0].outbox: is inside the inbox of folders[0] (/srv/in); results would be compressed again and again',
      ],
    ],
    [
      'an outbox that is the inbox',
      'folders: [{inbox: in, outbox: ./in/}]',
      ['1:31: folders[0].outbox: is the inbox of folders[0] (/srv/in); results would be compressed again and again'],
    ],
    [
      "an outbox inside another folder's inbox",
      two('inbox: a, outbox: b/c', 'inbox: b, outbox: d'),
      [
        '2:24: folders[0].outbox: is inside the inbox of folders[1] (/srv/b); results would be compressed again and again',
      ],
    ],
    [
      'the same inbox twice',
      two('inbox: a, outbox: b', 'inbox: ./x/../a, outbox: c'),
      ['3:13: folders[1].inbox: is the same folder as the inbox of folders[0] (/srv/a); remove one of the two'],
    ],
    [
      'an inbox inside another',
      two('inbox: a, outbox: b', 'inbox: a/b, outbox: c'),
      ['3:13: folders[1].inbox: is inside the inbox of folders[0] (/srv/a); its files would be processed twice'],
    ],
    [
      'an inbox around another',
      two('inbox: a/b, outbox: b', 'inbox: a, outbox: c'),
      ['3:13: folders[1].inbox: contains the inbox of folders[0] (/srv/a/b); its files would be processed twice'],
    ],
    [
      'a state folder inside an inbox',
      'state_dir: in/state\nfolders: [{inbox: in, outbox: out}]',
      [
        '1:12: state_dir: is inside the inbox of folders[0] (/srv/in); its working files would be processed like dropped videos',
      ],
    ],
    [
      'an inbox inside the state folder',
      'state_dir: s\nfolders: [{inbox: s/in, outbox: out}]',
      ["2:19: folders[0].inbox: is inside state_dir (/srv/s), which is for shrinkbox's own files only"],
    ],
    [
      'a default state folder inside an inbox',
      'folders: [{inbox: ., outbox: /out}]',
      [
        '1:1: state_dir: is inside the inbox of folders[0] (/srv); its working files would be processed like dropped videos',
      ],
    ],
    [
      'an archive inside an inbox',
      'folders: [{inbox: in, outbox: out, originals: archive, archive: in/old}]',
      [
        '1:65: folders[0].archive: is inside the inbox of folders[0] (/srv/in); archived originals would be processed again',
      ],
    ],
    [
      'archiving without an archive',
      'folders: [{inbox: in, outbox: out, originals: archive}]',
      [
        '1:47: folders[0].originals: archive needs a folder to move originals to: add a line like "archive: ./archive" here',
      ],
    ],
    [
      'an unknown rule',
      'folders: [{inbox: in, outbox: out, rules: [mail, bgi]}]\nrules: [{name: mail}, {name: big}]',
      ['1:50: folders[0].rules[1]: there is no rule "bgi"; did you mean "big"?'],
    ],
    [
      'an unknown rule, far from any',
      'folders: [{inbox: in, outbox: out, rules: everything}]',
      ['1:43: folders[0].rules: there is no rule "everything"; the rules are "default"'],
    ],
    [
      'two rules of one name',
      'rules:\n  - name: a\n  - name: a\n',
      ['3:11: rules[1].name: "a" is already the name of rules[0]; give each rule a name of its own'],
    ],
    [
      'a rule with the name another gets by itself',
      'rules:\n  - name: rule-2\n  - size: 5MB\n',
      ['3:5: rules[1].name: "rule-2" is already the name of rules[0]; give each rule a name of its own'],
    ],
    // The token may come as a credential, which only the service sees: the daemon itself refuses to listen without one.
    ['listening to the world', 'http: {listen: "0.0.0.0:80"}', []],
    ['an outbox around an inbox', 'folders: [{inbox: v/in, outbox: v}]', []],
    ['names that only begin alike', 'folders: [{inbox: in, outbox: in-out}]', []],
    ['one outbox for two inboxes', two('inbox: a, outbox: o', 'inbox: b, outbox: o'), []],
  ])('%s', (_, text, expected) => {
    expect(problemsOf(text)).toEqual(expected);
  });
});

describe('many mistakes', () => {
  const TEN = `engin: local
state_dir: ./inbox/state
folders:
  - inbox: ./inbox
    outbox: ./inbox/out
    rules: [mial]
rules:
  - name: mail
    size: 50 megs
    resolution: 1080
  - name: mail
    fps: fast
limits:
  local: 0
nemo:
  token: nmv_usr_0123456789abcdef
`;

  test('are all reported at once, in the order of the file', () => {
    expect(problemsOf(TEN)).toEqual([
      '1:1: unknown key "engin"; did you mean "engine"?',
      expect.stringMatching(/^2:12: state_dir: is inside/),
      expect.stringMatching(/^5:13: folders\[0\]\.outbox: is inside/),
      '6:13: folders[0].rules[0]: there is no rule "mial"; did you mean "mail"?',
      expect.stringMatching(/^9:11: rules\[0\]\.size: "50 megs"/),
      expect.stringMatching(/^10:17: rules\[0\]\.resolution: 1080 /),
      expect.stringMatching(/^11:11: rules\[1\]\.name: "mail" is already/),
      expect.stringMatching(/^12:10: rules\[1\]\.fps: "fast"/),
      expect.stringMatching(/^14:10: limits\.local: 0 /),
      expect.stringMatching(/^16:3: nemo: "token" looks like a secret/),
    ]);
  });

  test('make one error, with the places as data and every problem on a line of its message', () => {
    let caught: unknown;
    try {
      parse(TEN);
    } catch (error) {
      caught = error;
    }
    expect(isShrinkError(caught, 'config-invalid')).toBe(true);
    const error = caught as ConfigError;
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.problems).toHaveLength(10);
    expect(error.problems[4]).toEqual({
      file: '/srv/config.yaml',
      line: 9,
      column: 11,
      path: 'rules[0].size',
      message: '"50 megs" is not a size; write 50MB, 10MiB or 25%',
    });
    expect(error.message.split('\n')).toHaveLength(10);
    expect(error.message).toContain('/srv/config.yaml:9:11: rules[0].size: "50 megs" is not a size');
  });

  test("another program's file does not fill the screen", () => {
    const foreign = Array.from({ length: 5000 }, (_, i) => `key_number_${i}: 1`).join('\n');
    const problems = problemsOf(foreign);
    expect(problems).toHaveLength(51);
    expect(problems[50]).toMatch(/and \d+ or more other problems$/);
  });
});

describe('YAML that is none, or not ours', () => {
  test.each<[string, string, string[]]>([
    ['an empty file', '', ['1:1: is empty: delete it to use the built-in defaults, or start from config.example.yaml']],
    [
      'only comments',
      '# nothing\n',
      ['1:1: is empty: delete it to use the built-in defaults, or start from config.example.yaml'],
    ],
    ['a list', '- a\n', ['1:1: is a list; a configuration consists of "key: value" lines, see config.example.yaml']],
    ['a word', 'hello\n', ['1:1: is "hello"; a configuration consists of "key: value" lines, see config.example.yaml']],
    ['a tab', 'limits:\n\tlocal: 1\n', ['2:1: the line is indented with a tab; YAML needs spaces']],
    [
      'a key twice',
      'engine: local\nlog: {}\nengine: nemo\n',
      ['3:1: "engine" is given twice in the same map; keep one'],
    ],
    [
      'a key twice, further down',
      'rules:\n  - size: 5MB\n    size: 6MB\n',
      ['3:5: "size" is given twice in the same map; keep one'],
    ],
    [
      'an alias to nothing',
      'rules: [{match: *.mov}]',
      ['1:17: *.mov refers to nothing; set &.mov before it, or put quotes around the value'],
    ],
    [
      'two documents',
      'engine: local\n---\nengine: nemo\n',
      ['2:1: a second document starts here (---); a configuration has only one'],
    ],
    ['an open quote', 'engine: "local\n', [expect.stringMatching(/^2:1: is not valid YAML: missing closing/) as never]],
    ['an open bracket', 'rules: [\n', [expect.stringMatching(/^2:1: is not valid YAML: flow sequence/) as never]],
    [
      'a reserved sign',
      'engine: @home\n',
      ['1:9: plain value cannot start with reserved character @; put quotes around the value'],
    ],
    [
      'a tag',
      'engine: !secret engine\n',
      [
        expect.stringMatching(/^1:9: tags like !secret are not supported/) as never,
        expect.stringContaining('engine: "engine" is not one of') as never,
      ],
    ],
    ['a list for a key', '? [a]\n: b\n', ['1:3: a key must be a plain word, not a list or map']],
  ])('%s', (_, text, expected) => {
    expect(problemsOf(text)).toEqual(expected);
  });

  test('a key twice does not hide the other mistakes', () => {
    expect(problemsOf('engine: local\nengine: cloud\n')).toHaveLength(2);
  });

  test('aliases cannot be multiplied without end', () => {
    const ten = (name: string) => `[${`*${name},`.repeat(10)}]`;
    const bomb = `a: &a [x]\nb: &b ${ten('a')}\nc: &c ${ten('b')}\nd: &d ${ten('c')}\n`;
    expect(problemsOf(bomb)).toEqual([expect.stringMatching(/repeats parts of itself \(aliases\) far too often$/)]);
  });

  test('an alias to the part it is in is no endless loop', () => {
    expect(problemsOf('rules: &a [*a]\n')).not.toEqual([]);
  });

  test('depth ends in a sentence, not in a stack overflow', () => {
    const problems = problemsOf('['.repeat(200_000));
    expect(problems.length).toBeLessThan(10);
    for (const problem of problems) expect(problem).toMatch(/nested too deeply|is not valid YAML/);
    const [words, braces] = ['[', '{a: '].map(open => problemsOf(`rules: ${open.repeat(20_000)}\n`));
    for (const problem of [...(words ?? []), ...(braces ?? [])]) {
      expect(problem).toMatch(/is nested too deeply to be a configuration/);
    }
  });

  test('a NUL in words is said', () => {
    expect(problemsOf('rules: [{ name: a, instruction: "loud\\0er" }]\n')).toEqual([
      expect.stringContaining('an instruction cannot contain a NUL character'),
    ]);
  });

  test('__proto__ is a key like any other unknown one', () => {
    expect(problemsOf('__proto__: {engine: nemo}\n')).toEqual([expect.stringMatching(/^1:1: unknown key "__proto__"/)]);
    expect(({} as Record<string, unknown>)['engine']).toBeUndefined();
  });

  test('a file of a megabyte is judged in seconds of the processor, however busy that is', () => {
    const before = process.cpuUsage();
    const text = Array.from({ length: 60_000 }, (_, i) => `k${i}: 1`).join('\n');
    expect(problemsOf(text).length).toBeGreaterThan(10);
    expect(process.cpuUsage(before).user / 1e6).toBeLessThan(20);
  });
});

describe('the environment', () => {
  test('wins over the file; an empty variable does not', () => {
    const text = 'nemo: {api_url: "https://a.example", client_id: mine}';
    const env = {
      NEMO_API_URL: 'http://127.0.0.1:9/',
      NEMO_WEB_URL: 'https://w.example',
      NEMO_CLIENT_ID: '',
      SKILL_SOURCE: 'clawhub',
    };
    expect(parse(text, env).nemo).toMatchObject({
      apiUrl: 'http://127.0.0.1:9',
      webUrl: 'https://w.example',
      clientId: 'mine',
      skillSource: 'clawhub',
    });
  });

  test('is checked like the file, and reported with it', () => {
    const env = { NEMO_API_URL: 'http://a.example', NEMO_CLIENT_ID: 'with space', SKILL_SOURCE: 'ünï' };
    expect(problemsOf('engine: x', env)).toEqual([
      '1:9: engine: "x" is not one of local, nemo or fleet',
      'environment: NEMO_API_URL: "http://a.example" would send the token unencrypted; use https://',
      'environment: NEMO_CLIENT_ID: "with space" must be 1 to 64 plain characters without spaces',
      'environment: SKILL_SOURCE: "ünï" must be 1 to 64 plain characters without spaces',
    ]);
  });
});

describe('secrets', () => {
  const TOKEN = 'nmv_usr_0123456789abcdefghij';
  test.each([
    `token: ${TOKEN}`,
    `nemo: {token: ${TOKEN}}`,
    `nemo: {api_key: ${TOKEN}}`,
    `http: {token: ${TOKEN}}`,
    `http: {password: ${TOKEN}}`,
    `nemo: {language: ${TOKEN}}`,
    `nemo: {api_url: "https://me:${TOKEN}@example.com"}`,
    `notify: [{url: "ftp://hooks.example/${TOKEN}", on: done}]`,
    `nemo: {api_url: "ftp://example.com/?t=${TOKEN}"}`,
    `${TOKEN}: 1`,
    `a: 1\n ${TOKEN}: 2`,
    `"a" ${TOKEN}`,
  ])('are refused and never repeated: %s', text => {
    const problems = problemsOf(text);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.join('\n')).not.toContain('0123456789');
  });

  test('the message says where they belong', () => {
    expect(problemsOf(`nemo: {token: ${TOKEN}}`)).toEqual([
      '1:8: nemo: "token" looks like a secret, and secrets do not belong in this file: put it into a file of its own that only the service can read, and name that file in nemo.token_file, or set NEMO_TOKEN in the environment',
    ]);
    expect(problemsOf(`http: {token: x}`)[0]).toContain('name that file in http.token_file');
  });
});
