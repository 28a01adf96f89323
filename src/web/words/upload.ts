/** Adding videos. */

/** What is on the button, and the words it stands for. */
type Chips = Readonly<Record<'8' | '25' | '50' | 'half' | 'clear', readonly [label: string, words: string]>>;

export const en = {
  upload: {
    title: 'Add a video',
    lead: 'Drop files or folders anywhere on this page, or',
    choose: 'Choose files',
    instruction: 'Instruction (optional)',
    example: 'under 25 MB, no sound',
    inbox: 'Inbox',
    here: 'Drop to add',
    progress: (name: string) => `Upload of ${name}`,
    added: 'Added; it starts in a moment',
    notVideo: 'Not sent: this is not the name of a video.',
    others: (count: number) => `${count} other files`,
    notVideos: 'Not sent: they have no names of videos.',
    waiting: 'The connection is lost. It goes on by itself once it is back; keep this page open.',
    begunAgain: 'shrinkbox no longer has what was sent of this file, so it is sent from its beginning again.',
    wanted: 'How small?',
    chips: {
      '8': ['8 MB', 'at most 8 MB'],
      '25': ['25 MB', 'at most 25 MB'],
      '50': ['50 MB', 'at most 50 MB'],
      half: ['Half', 'half the size'],
      clear: ['No visible loss', 'no visible loss'],
    } as Chips,
    lost: 'The connection was lost before the file was complete.',
    stopped: 'Stopped',
    tooLarge: (free: string) => `Not enough space: only ${free} free.`,
    away: 'No inbox is available right now.',
    stop: 'Stop',
    clear: 'Clear list',
  },
};

export const zh: typeof en = {
  upload: {
    title: '添加视频',
    lead: '将文件或文件夹拖到页面任意位置，或',
    choose: '选择文件',
    instruction: '指令（可选）',
    example: '压缩到25MB以内，去掉声音',
    inbox: '收件箱',
    here: '松开即可添加',
    progress: name => `${name} 的上传进度`,
    added: '已添加，即将开始',
    notVideo: '未发送：从文件名看不是视频。',
    others: count => `另外 ${count} 个文件`,
    notVideos: '未发送：它们的名称不是视频。',
    waiting: '连接已断开。恢复后会自动继续；请保持此页面打开。',
    begunAgain: 'shrinkbox 已不再保有此文件已发送的部分，正从头重新发送。',
    wanted: '要多小？',
    chips: {
      '8': ['8 MB', '8MB以内'],
      '25': ['25 MB', '25MB以内'],
      '50': ['50 MB', '50MB以内'],
      half: ['一半', '大小减半'],
      clear: ['视觉无损', '视觉无损'],
    },
    lost: '文件未传完，连接已断开。',
    stopped: '已停止',
    tooLarge: free => `空间不足：仅剩 ${free}。`,
    away: '目前没有可用的收件箱。',
    stop: '停止',
    clear: '清空列表',
  },
};
