import { describe, expect, it } from 'vitest';
import { translate } from '../../../../src/engine/nemo/message/reply-text.ts';

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
    ['Click Export, and your video is ready.', 'your video is ready.', ['export']],
    ['点击导出，视频就好了。', '视频就好了。', ['export']],
    ['Done. {"status":"ok","id":9007199254740993} It has 42 MB.', 'Done. It has 42 MB.', []],
    ['```json\n{"t":[{"tt":0}]}\n```', '', []],
    ['[{"name":"a"}]', '', []],
    ['I used {size} and [1] as asked.', 'I used {size} and [1] as asked.', []],
    ['Half of it: {"a": 1', 'Half of it: {"a": 1', []],
  ])('%j', (said, text, actions) => {
    expect(translate(said)).toMatchObject({ text, actions });
  });

  it.each([
    // Was: swallowed, because of a word that people at an editor are told.
    'I removed the click noise at 0:03.',
    'The mouse clicks are gone.',
    'Removed all clicks and pops, and lowered the press noise.',
    "I've dragged the title to the start.",
    'I opened the colour panel and raised the contrast.',
    '我去掉了点击声。',
    '已打开降噪。',
    '点击声已经去掉。',
  ])('what it reports stays: %j', said => {
    expect(translate(said)).toEqual({ text: said, actions: [], openSteps: [] });
  });

  it.each<[string, string[]]>([
    ['Trimmed to 10 s. Drag the clip onto track 2.', ['Drag the clip onto track 2.']],
    ['I could not move it, so please drag it to the start.', ['so please drag it to the start.']],
    ['I suggest dragging the title to the end.', ['I suggest dragging the title to the end.']],
    ['视频已剪辑。请把片段拖到轨道2。', ['请把片段拖到轨道2。']],
    ['Click Save.', []],
    ['I dragged the title to the start.', []],
  ])('an edit that is left to the person is kept for them: %j', (said, openSteps) => {
    expect(translate(said).openSteps).toEqual(openSteps);
  });
});
