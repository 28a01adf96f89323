import { describe, expect, it } from 'vitest';
import type { Target } from '../../../../src/core/target.ts';
import { addressIn, isLinkFile, nameIn } from '../../../../src/engine/nemo/session/link-file.ts';
import { buildPrompt, followUp, sizeWords } from '../../../../src/engine/nemo/message/prompt.ts';
import { intentOf, type WordsIntent } from '../../../../src/engine/nemo/message/intent.ts';
import { translate } from '../../../../src/engine/nemo/message/reply-text.ts';

const EXPORT: WordsIntent = { kind: 'export', hint: {} };
const CREDITS: WordsIntent = { kind: 'credits' };
const STATE: WordsIntent = { kind: 'state' };
const UPLOAD: WordsIntent = { kind: 'upload', what: undefined };
const EDIT: WordsIntent = { kind: 'edit' };

describe('words go where the brief sends them', () => {
  it.each<[string, WordsIntent]>([
    // The table itself.
    ['export', EXPORT],
    ['导出', EXPORT],
    ['download', EXPORT],
    ['send me the video', EXPORT],
    ['credits', CREDITS],
    ['积分', CREDITS],
    ['balance', CREDITS],
    ['余额', CREDITS],
    ['status', STATE],
    ['状态', STATE],
    ['show tracks', STATE],
    ['upload', UPLOAD],
    ['上传', UPLOAD],
    ['/videos/holiday.mp4', { kind: 'upload', what: '/videos/holiday.mp4' }],
    ['https://example.com/holiday.mp4', { kind: 'upload', what: 'https://example.com/holiday.mp4' }],
    ['generate a video of a lobster', EDIT],
    ['add BGM', EDIT],
    // The same, as people say it.
    ['Export!', EXPORT],
    ['Please export the video.', EXPORT],
    ['can you send me the final video', EXPORT],
    ['give me the file', EXPORT],
    ['请帮我导出视频', EXPORT],
    ['下载视频', EXPORT],
    ['把视频发给我', EXPORT],
    ['发给我视频', EXPORT],
    ['How many credits do I have left?', CREDITS],
    ['what is my balance', CREDITS],
    ['我的积分还有多少？', CREDITS],
    ['查询余额', CREDITS],
    ['show me the timeline', STATE],
    ["what's the status of the render", STATE],
    ['查看进度', STATE],
    ['现在什么样了', STATE],
    ['upload video.mp4', { kind: 'upload', what: 'video.mp4' }],
    ['upload my clip.mov', { kind: 'upload', what: 'clip.mov' }],
    ['upload the file /a/b.mp4', { kind: 'upload', what: '/a/b.mp4' }],
    ['upload ~/clip.mov', { kind: 'upload', what: '~/clip.mov' }],
    ['上传 /视频/片段.mp4', { kind: 'upload', what: '/视频/片段.mp4' }],
    ['upload https://example.com/a.mp4', { kind: 'upload', what: 'https://example.com/a.mp4' }],
    // With a wish about the file.
    ['export 1080p MP4', { kind: 'export', hint: { format: 'mp4', resolution: '1080p' } }],
    ['export it as 720p', { kind: 'export', hint: { resolution: '720p' } }],
    ['export in 1280x720', { kind: 'export', hint: { resolution: '1280x720' } }],
    ['导出1080p', { kind: 'export', hint: { resolution: '1080p' } }],
    ['export in 4k', { kind: 'export', hint: { resolution: '2160p' } }],
    // A word is not an intent.
    ['add a download button title', EDIT],
    ['remove the status bar', EDIT],
    ['export button', EDIT],
    ['show credits at the end', EDIT],
    ['add credits', EDIT],
    ['balance the audio', EDIT],
    ['make an upload animation', EDIT],
    ['upload a new intro and then cut it', EDIT],
    ['compress this video to under 50MB', EDIT],
    ['send me the video with music', EDIT],
    ['导出按钮改成红色', EDIT],
    ['把状态栏去掉', EDIT],
    ['把视频压缩到50MB以内', EDIT],
    ['', EDIT],
  ])('%j', (words, where) => {
    expect(intentOf(words)).toEqual(where);
  });
});

describe("the agent's words for somebody at an editor", () => {
  it.each<[string, string, string[]]>([
    ['Click the Export button', '', ['export']],
    ['点击导出', '', ['export']],
    ['点击“保存”', '', ['act']],
    ['Click Save.', '', ['act']],
    ['Open the effects panel.', '', ['state']],
    ['打开音乐面板', '', ['state']],
    ['Drag and drop the clip onto track 2.', '', ['edit']],
    ['拖拽片段到轨道2', '', ['edit']],
    ['You can preview in timeline.', '', ['timeline']],
    ['请在时间线中预览。', '', ['timeline']],
    ['Use the Export button.', '', ['export']],
    ['导出按钮在右上角', '', ['export']],
    ['Go to Settings to check your billing.', '', ['credits']],
    ['I compressed it to 42 MB. Click the Export button to download it.', 'I compressed it to 42 MB.', ['export']],
    ['The video is 1080p now, click Save to keep it.', 'The video is 1080p now.', ['act']],
    ['视频已压缩到45MB。请点击导出按钮。', '视频已压缩到45MB。', ['export']],
    ['已完成剪辑，点击右上角的导出即可。', '已完成剪辑。', ['export']],
    [
      'Added a title "Hello", white.\nDrag it to move it.\nBGM is Lo-fi.',
      'Added a title "Hello", white.\n\nBGM is Lo-fi.',
      ['edit'],
    ],
    ['Trimmed to 10.5 s.', 'Trimmed to 10.5 s.', []],
    ['I added a title "Click here" at 0-3s.', 'I added a title "Click here" at 0-3s.', []],
    ['添加了标题“点击订阅”。', '添加了标题“点击订阅”。', []],
    ['Click "Export" at the top.', '', ['export']],
    ['Your title reads "Subscribe" at 0-3s.', 'Your title reads "Subscribe" at 0-3s.', []],
    ['', '', []],
  ])('%j', (said, text, actions) => {
    expect(translate(said)).toEqual({ text, actions });
  });
});

const target = (changes: Partial<Target> = {}): Target => ({
  audio: { kind: 'keep' },
  quality: 'auto',
  minSaving: 0.05,
  ...changes,
});
const facts = (changes: Partial<Parameters<typeof buildPrompt>[0]> = {}) => ({
  target: target(),
  language: 'en',
  refines: false,
  ...changes,
});

describe('the message', () => {
  it('is the instruction as written', () => {
    expect(buildPrompt(facts({ instruction: ' make it 50MB, keep the music \n' }))).toEqual({
      text: 'make it 50MB, keep the music',
      intent: EDIT,
    });
  });

  it('is made from the rule where there is no instruction', () => {
    const { text } = buildPrompt(
      facts({
        maxBytes: 50e6,
        target: target({ resolution: { kind: 'lines', lines: 1080 }, fps: 30, audio: { kind: 'mute' } }),
      }),
    );
    expect(text).toBe(
      'compress this video to under 50MB without losing quality, at most 1080p, at most 30 frames per second, without sound, keep its length and content as they are, add no titles, music or effects, output MP4',
    );
  });

  it('is Chinese where the language is', () => {
    expect(buildPrompt(facts({ language: 'zh-CN', maxBytes: 50e6 })).text).toMatch(
      /^把这个视频压缩到50MB以内，不损失画质/,
    );
    expect(followUp(62e6, 50e6, 'zh')).toContain('50000000字节');
  });

  it('is the rule, not the word, when the words beside a fresh file only say export', () => {
    const prompt = buildPrompt(facts({ instruction: 'export 1080p MP4', maxBytes: 1e6 }));
    expect(prompt.text).toMatch(/^compress this video to under 1MB/);
    expect(prompt.intent).toEqual({ kind: 'export', hint: { format: 'mp4', resolution: '1080p' } });
  });

  it.each(['export', '导出', 'credits', 'status'])('is not sent at all for %j in a kept session', words => {
    expect(buildPrompt(facts({ instruction: words, refines: true })).text).toBeUndefined();
  });

  it('names the file where the session holds others', () => {
    expect(buildPrompt(facts({ instruction: 'make it small', among: 'b.mp4' })).text).toBe(
      'start over with an empty timeline and use only the file just uploaded, "b.mp4": make it small',
    );
  });

  it('asks once more with the exact size', () => {
    expect(followUp(62_300_000, 50e6, 'en')).toBe(
      'the exported video is 62.3 MB, which is too large: compress it to under 50MB (at most 50000000 bytes) by lowering the bitrate and, if needed, the resolution; change nothing else',
    );
  });

  it.each([
    [50e6, '50MB'],
    [10 * 2 ** 20, '10.4MB'],
    [1.5e9, '1.5GB'],
    [4000, '4kB'],
    [999, '999 bytes'],
  ])('never asks for more than %d bytes: %s', (bytes, words) => {
    expect(sizeWords(bytes)).toBe(words);
  });
});

describe('a link', () => {
  it.each([
    ['a .url of Windows', '[InternetShortcut]\r\nURL=https://example.com/a.mp4\r\n', 'https://example.com/a.mp4'],
    [
      'a .webloc',
      '<?xml version="1.0"?><plist><dict><key>URL</key><string>https://e.com/a?b=1&amp;c=2</string></dict></plist>',
      'https://e.com/a?b=1&c=2',
    ],
    [
      'a binary .webloc',
      'bplist00\u00d1\u0001\u0002SURL_\u0010\u0015https://e.com/a.mp4\u0000\b',
      'https://e.com/a.mp4',
    ],
    ['the first line of a text', '\uFEFFhttps://e.com/a.mp4\nhttps://e.com/b.mp4', 'https://e.com/a.mp4'],
    ['nothing of the kind', 'hello', undefined],
    ['something else to fetch', 'URL=file:///etc/passwd', undefined],
    ['javascript', 'URL=javascript:alert(1)', undefined],
    ['an empty file', '', undefined],
  ])('is read from %s', (_, content, address) => {
    expect(addressIn(content)).toBe(address);
  });

  it('is recognised by its name, and named by what it points at', () => {
    expect(['a.url', 'a.WEBLOC', 'a.url.txt', 'a.mp4', 'a.txt'].map(isLinkFile)).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
    expect(nameIn('https://e.com/my%20clip.mp4?x=1')).toBe('my clip.mp4');
    expect(nameIn('https://e.com/')).toBe('e.com');
  });
});
