/** Other machines that take parts of films. */
import type { StatusView } from '../../api/types.ts';

type State = NonNullable<StatusView['fleet']>['workers'][number]['state'];

export const en = {
  fleet: {
    title: 'Workers',
    none: 'No workers yet. On this machine, type “shrinkbox fleet invite NAME” to get the line with which one joins.',
    worker: 'Worker',
    doing: 'What it does',
    heard: 'Last heard of',
    states: {
      idle: 'idle',
      working: 'working',
      resting: 'resting',
      draining: 'ends after this part',
      benched: 'gets no work',
      away: 'away',
      invited: 'invited, has not joined yet',
      outdated: 'of another version: update it or this machine',
    } satisfies Record<State, string>,
    hours: (hours: string) => `works ${hours}`,
    benchedFor: (span: string, why: string) => `for ${span}, because ${why}`,
    benchedBySomebody: 'until “shrinkbox fleet bench NAME --off”',
    now: 'just now',
    ago: (span: string) => `${span} ago`,
    never: 'not since the start',
    part: (number: number) => `part ${number}`,
    speed: (fps: string) => `${fps} frames/s`,
    steps: {
      fetch: 'fetching',
      'pass-1': 'first pass',
      'pass-2': 'second pass',
      'one-pass': 'encoding',
      send: 'sending',
    } as Readonly<Record<string, string>>,
    parts: (all: number, made: number, making: number) => `${all} parts: ${made} made, ${making} being made`,
    waiting: 'waiting',
    here: 'this machine',
    queueAway: (when: string, why: string) =>
      `The queue of the workers has not answered since ${when}${why && ` (${why})`}. Parts being made go on; others wait, or are made here.`,
  },
};

export const zh: typeof en = {
  fleet: {
    title: '工作机',
    none: '还没有工作机。在本机输入“shrinkbox fleet invite NAME”，即可得到用于加入的一行文字。',
    worker: '工作机',
    doing: '正在做什么',
    heard: '最近联系',
    states: {
      idle: '空闲',
      working: '处理中',
      resting: '休息中',
      draining: '完成此分段后退出',
      benched: '暂不分配',
      away: '离线',
      invited: '已邀请，尚未加入',
      outdated: '版本不匹配：请更新它或本机',
    },
    hours: hours => `工作时间 ${hours}`,
    benchedFor: (span, why) => `持续 ${span}，原因：${why}`,
    benchedBySomebody: '直到输入“shrinkbox fleet bench NAME --off”',
    now: '刚刚',
    ago: span => `${span}前`,
    never: '启动以来未联系',
    part: number => `第 ${number} 段`,
    speed: fps => `${fps} 帧/秒`,
    steps: { fetch: '取源片段', 'pass-1': '第一遍', 'pass-2': '第二遍', 'one-pass': '编码', send: '发送' },
    parts: (all, made, making) => `共 ${all} 段：已完成 ${made} 段，正在处理 ${making} 段`,
    waiting: '等待中',
    here: '本机',
    queueAway: (when, why) =>
      `工作机的队列自 ${when} 起没有应答${why && `（${why}）`}。正在处理的分段会继续，其余的等待，或由本机处理。`,
  },
};
