import { formatBytes, formatDuration } from '../../core/units.ts';

interface Doing {
  doing: string;
}
type Of = Doing & { command: string };
type CannotStart = Of & { said: string };

export const CHILD_ZH = {
  'child.not-found': ({ doing, command }: Of) => `${doing}：找不到 ${command}，或者它无法运行`,
  'child.cannot-start': ({ doing, command, said }: CannotStart) => `${doing}：无法启动 ${command}：${said}`,
  'child.cannot-start-now': ({ doing, command, said }: CannotStart) => `${doing}：暂时无法启动 ${command}：${said}`,
  'child.cannot-start-now-hint': '这台机器打开的文件或运行的进程过多（参见 ulimit -n 和 -u），或内存不足。',
  'child.no-work-folder': ({ doing, folder }: Doing & { folder: string }) => `${doing}：${folder} 不存在`,
  'child.no-work-folder-hint': '请重新挂载状态目录所在的磁盘；如果目录被移动过，请重启 shrinkbox。',

  'child.stopped': ({ doing }: Doing) => `${doing}：已停止`,
  'child.timed-out': ({ doing, ms }: Doing & { ms: number }) => `${doing}：超过 ${formatDuration(ms)} 后放弃`,
  'child.stalled': ({ doing, ms }: Doing & { ms: number }) => `${doing}：${formatDuration(ms)} 内没有进展`,
  'child.too-much-output': ({ doing, bytes }: Doing & { bytes: number }) =>
    `${doing}：程序输出超过 ${formatBytes(bytes)}`,

  'child.disk-full': ({ doing }: Doing) => `${doing}：磁盘已满`,
  'child.disk-full-hint': '请在 state_dir 所在的磁盘上释放一些空间，shrinkbox 会自动继续。',
  'child.out-of-memory': ({ doing }: Doing) => `${doing}：内存不足`,
  'child.killed-outside': ({ doing }: Doing) => `${doing}：程序被外部强行终止，通常是因为内存耗尽`,
  'child.cpu-limit': ({ doing }: Doing) => `${doing}：占用的处理器时间超过了限制`,
  'child.file-limit': ({ doing }: Doing) => `${doing}：写出的数据远远超过源文件可能包含的内容`,
  'child.file-limit-hint': '该文件声称的时长远大于实际时长；请重新复制或导出。',
  'child.own-file-limit': ({ doing, bytes }: Doing & { bytes: number }) =>
    `${doing}：shrinkbox 在此不能写入大于 ${formatBytes(bytes)} 的文件`,
  'child.own-file-limit-hint':
    '请提高该限制（shell 中用 “ulimit -f unlimited”，systemd 单元中用 LimitFSIZE=infinity），然后重启 shrinkbox。',
  'child.signalled': ({ doing, signal }: Doing & { signal: string }) => `${doing}：程序被 ${signal} 终止`,
  'child.signalled-outside': ({ doing }: Doing) => `${doing}：程序被外部信号终止`,
  'child.failed': ({ doing, said }: Doing & { said: string }) => `${doing}失败：${said}`,
  'child.flock-missing': '缺少程序 flock，无法防止两个守护进程同时运行',
  'child.flock-missing-hint': '请安装 util-linux，或带有 flock 的 busybox。',
  'child.flock-failed': ({ said }: { said: string }) => `flock 失败：${said}`,
  'child.exit-code': ({ doing, exit }: Doing & { exit: number }) => `${doing}：退出码 ${exit}`,
};
