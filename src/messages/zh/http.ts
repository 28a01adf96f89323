import { formatBytes } from '../../core/units.ts';

interface Host {
  host: string;
}
type Failure = Host & { errno: string };

export const HTTP_ZH = {
  'http.talking': ({ host }: Host) => `与 ${host} 通信`,
  'http.unreachable': ({ host, errno }: Failure) => `无法连接 ${host}${inBrackets(errno)}`,
  'http.cut': ({ host, errno }: Failure) => `与 ${host} 的连接中断${inBrackets(errno)}`,
  'http.silent': ({ host, errno }: Failure) => `已连接 ${host}，但它没有及时回应${inBrackets(errno)}`,
  'http.unreachable-hint': '请检查网络连接；等待连接的任务会自动继续。',
  'http.untrusted': ({ host, errno }: Failure) => `${host} 的证书不受信任${inBrackets(errno)}`,
  'http.untrusted-hint': '请检查本机时钟，并确认没有设备拦截连接；等待连接的任务会自动继续。',
  'http.too-long': ({ host, bytes }: Host & { bytes: number }) =>
    `${host} 发送的回复超过 ${formatBytes(bytes)}，而这里应当只有很短的回复`,
};

function inBrackets(errno: string): string {
  return errno === '' ? '' : `（${errno}）`;
}
