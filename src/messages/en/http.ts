import { formatBytes } from '../../core/units.ts';

interface Host {
  host: string;
}
/** `errno` is `''` where there is none. */
type Failure = Host & { errno: string };

export const HTTP_EN = {
  'http.talking': ({ host }: Host) => `talking to ${host}`,
  'http.unreachable': ({ host, errno }: Failure) => `${host} cannot be reached${inBrackets(errno)}`,
  'http.cut': ({ host, errno }: Failure) => `the connection to ${host} was cut${inBrackets(errno)}`,
  'http.silent': ({ host, errno }: Failure) => `${host} was reached, but did not answer in time${inBrackets(errno)}`,
  'http.unreachable-hint': 'Check the internet connection; jobs that wait for it continue by themselves.',
  'http.untrusted': ({ host, errno }: Failure) => `the certificate of ${host} is not trusted${inBrackets(errno)}`,
  'http.untrusted-hint':
    "Check this machine's clock and that nothing intercepts the connection; jobs that wait for it continue by themselves.",
  'http.too-long': ({ host, bytes }: Host & { bytes: number }) =>
    `${host} sent an answer of more than ${formatBytes(bytes)} where a short one was expected`,
};

function inBrackets(errno: string): string {
  return errno === '' ? '' : ` (${errno})`;
}
