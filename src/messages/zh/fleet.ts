import type { FLEET_EN } from '../en/fleet.ts';
import type { Translation } from '../catalogue.ts';

export const FLEET_ZH: Translation<typeof FLEET_EN> = {
  'fleet.worker-failed': p => `工作机 ${p.worker} 未能完成一个分段：${p.why}`,
  'fleet.cutting-slice': '正在为工作机切出源文件的一段',
  'fleet.slice-damaged': '从守护进程取得的内容与其声明的哈希不符',
  'fleet.not-a-daemon': p => `${p.url} 的应答不像带有机群的 shrinkbox`,
  'fleet.other-key': p => `${p.url} 出示的密钥与邀请中的不同`,
  'fleet.other-key-hint':
    '如果守护进程重新设置过，请用 "shrinkbox fleet invite NAME" 再次邀请此工作机；否则是别的程序在此地址应答。',
  'fleet.invite-again-hint': '在守护进程上运行 "shrinkbox fleet invite NAME"，并把输出放入此工作机的令牌文件。',
  'fleet.update-hint': '请更新两者中较旧的一方；先更新守护进程，因为它兼容上一版本的工作机。',
  'fleet.order-unreadable': '此工作机不理解守护进程的要求',
  'fleet.other-picture': '此工作机会生成不同的画面：其 ffmpeg 或版本与守护进程不同',
  'fleet.result-unreadable': '结果的数据与要求不符',
  'fleet.result-size': p => `大小为 ${p.bytes} 字节，应为 ${p.expected} 字节`,
  'fleet.result-no-video': p => `不是视频：${p.why}`,
  'fleet.result-other': p => `实为 ${p.seen} 帧，应为 ${p.expected} 帧`,
  'fleet.cannot-listen': p => `无法监听工作机的连接：${p.why}`,
  'fleet.cannot-listen-hint': '请更改 fleet.listen，或停止占用该地址的程序。',
  'fleet.cannot-read': p => `无法读取 ${p.path}（${p.why}）`,
  'fleet.cannot-read-hint': '请让运行 shrinkbox 的用户可以读取它，或在配置中更改其路径。',
  'fleet.no-worker-section': '配置中没有 "worker" 一节',
  'fleet.no-worker-section-hint':
    '请添加 "worker: {token_file: ./worker-token}"，并把守护进程上 "shrinkbox fleet invite NAME" 的输出放入该文件。',
  'fleet.no-ticket': p => `${p.path} 中既没有邀请，也没有带守护进程地址的令牌`,
  'fleet.not-let-in': p => `守护进程不接纳此工作机：${p.why}`,
  'fleet.scratch-in-use': p => `另一个工作机正在使用 ${p.path}`,
  'fleet.scratch-in-use-hint': '请为每个工作机设置各自的暂存目录（worker.scratch）。',
};
