import { formatDuration } from '../../core/units.ts';

export const AFTER_ZH = {
  'after.running': '运行命令',
  'after.failed': ({ command, why }: { command: string; why: string }) => `命令 ${command} 失败：${why}`,
  'after.not-found': '没有这个程序',
  'after.exit-code': ({ exit }: { exit: number }) => `退出码为 ${exit}；它的输出见日志`,
  'after.signalled': ({ signal }: { signal: string }) => `被 ${signal} 终止；它的输出见日志`,
  'after.too-slow': ({ ms }: { ms: number }) => `超过 ${formatDuration(ms)}，已被终止；参见配置中 after 的 timeout`,
  'after.interrupted': '它运行时 shrinkbox 停止了；不会再次运行',
};
