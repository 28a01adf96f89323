import { describe, expect, it } from 'vitest';
import type { JobView } from '../../src/api/types.ts';
import { type Notification, notificationFor, postFor, type PayloadFormat, formatOf } from '../../src/notify/formats.ts';

const JOB: JobView = {
  id: 'abcd2345',
  source: '/in/holiday <!channel> @everyone.mov',
  folder: '/in',
  rule: 'mail',
  engine: 'local',
  state: 'failed',
  reason: 'it is cut short',
  action: null,
  step: null,
  progress: null,
  source_bytes: 200_000_000,
  target_bytes: null,
  target_firm: false,
  output: null,
  output_bytes: null,
  created_at: 1,
  updated_at: 2,
};

it('takes a person who taps it to where the account can be changed', () => {
  const link = 'https://nemovideo.com/register?bind=anon_1';
  const action = { code: 'register' as const, text: `Register at ${link}.`, link, since: null };
  const message = notificationFor({ ...JOB, state: 'waiting', action }, action.text);
  expect(message).toMatchObject({ event: 'held', link });
  expect(JSON.parse(postFor('https://ntfy.sh/topic', message).body)).toMatchObject({ click: link });
  const discord = JSON.parse(postFor('https://discord.com/api/webhooks/1/x', message).body);
  expect(discord.embeds[0]).toMatchObject({ url: link });
});

describe('which form an address wants', () => {
  it.each<[string, PayloadFormat]>([
    ['https://ntfy.sh/my-topic', 'ntfy'],
    ['https://ntfy.home.lan/my-topic', 'ntfy'],
    ['http://box.lan:8080/my-topic#ntfy', 'ntfy'],
    ['https://notify.example/hook', 'json'],
    ['https://gotify.home.lan/message?token=AbC', 'gotify'],
    ['http://10.0.0.2:8080/message?token=AbC', 'gotify'],
    ['https://discord.com/api/webhooks/1/abc', 'discord'],
    ['https://ptb.discord.com/api/webhooks/1/abc', 'discord'],
    ['https://discord.com/other', 'json'],
    ['https://evildiscord.com/api/webhooks/1/abc', 'json'],
    ['https://hooks.slack.com/services/T/B/x', 'slack'],
    ['https://mattermost.lan/hooks/x#slack', 'slack'],
    ['https://ntfy.sh/my-topic#json', 'json'],
    ['http://homeassistant.lan:8123/api/webhook/x', 'json'],
  ])('%s: %s', (address, shape) => expect(formatOf(address)).toBe(shape));
});

describe('what is said', () => {
  const body = (address: string, message: Notification) => JSON.parse(postFor(address, message).body);

  it('of a job that is done: sizes and what that saved', () => {
    const done: JobView = {
      ...JOB,
      source: '/in/clip.mov',
      state: 'done',
      output: '/out/clip.mp4',
      output_bytes: 50_000_000,
    };
    expect(notificationFor(done, null)).toMatchObject({
      event: 'done',
      title: 'clip.mov is done',
      text: '200 MB -> 50.0 MB (75 % smaller)',
    });
  });

  it('of a job that needs a person: why, and what to do', () => {
    const held = notificationFor({ ...JOB, source: '/in/a\nb\u001b[2J.mov', state: 'held' }, 'Copy it again.');
    expect(held.title).toBe('a b [2J.mov needs you');
    expect(held.text).toBe('it is cut short\nCopy it again.\n(job abcd2345)');
  });

  it('to ntfy: JSON at the root, with the topic', () => {
    const post = postFor('https://me:pass%20word@ntfy.sh/sub/my%20topic?x=1', notificationFor(JOB, null));
    expect(post.url).toBe('https://ntfy.sh/sub?x=1');
    expect(post.headers.authorization).toBe(`Basic ${Buffer.from('me:pass word').toString('base64')}`);
    expect(JSON.parse(post.body)).toMatchObject({ topic: 'my topic', priority: 4, tags: ['x'] });
  });

  it('to Gotify: with the token in a header, not in the address', () => {
    const post = postFor('https://gotify.lan/message?token=AbC123', notificationFor(JOB, null));
    expect([post.url, post.headers['x-gotify-key']]).toEqual(['https://gotify.lan/message', 'AbC123']);
    expect(JSON.parse(post.body)).toMatchObject({
      title: expect.any(String),
      message: expect.any(String),
      priority: 6,
    });
  });

  it('to Discord: without calling anybody', () => {
    expect(body('https://discord.com/api/webhooks/1/a', notificationFor(JOB, null))).toMatchObject({
      embeds: [{ title: 'holiday <!channel> @everyone.mov failed' }],
      allowed_mentions: { parse: [] },
    });
  });

  it('to Slack: without calling anybody', () => {
    expect(body('https://hooks.slack.com/services/x', notificationFor(JOB, null)).text).toContain(
      'holiday &lt;!channel&gt; @everyone.mov',
    );
  });

  it('to anything else: the job as JSON', () => {
    expect(body('https://example.org/hook', notificationFor(JOB, 'Do this.'))).toMatchObject({
      event: 'failed',
      job: { id: 'abcd2345', state: 'failed', reason: 'it is cut short', hint: 'Do this.' },
    });
  });
});
