import { describe, expect, it } from 'vitest';
import { intentOf, type WordsIntent } from '../../../../src/engine/nemo/message/intent.ts';

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
