/**
 * An ffmpeg whose graphics card is a stand-in: it takes command lines for h264_vaapi, _qsv and _nvenc, leaves out device and upload, and
 * encodes in one pass without looking ahead. What goes wrong is said at any time, by `set`.
 */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findTools, type Tools } from '../../src/media/ffmpeg/tools.ts';
import { realTools } from './footage.ts';

/** How it lands: near a bit rate (three kinds of x264), mostly (MPEG-4's coarse quantiser), never, or only at quantisers. */
export type Like = 'abr' | 'vbv' | 'cbr' | 'mpeg4' | 'wild' | 'cqp';

/** `denied` and `init` fail at once, `frame` in the middle; the others are what drivers have done. */
export type Fault = 'none' | 'denied' | 'init' | 'frame' | 'hang' | 'garbage' | 'green' | 'broken' | 'old-chip';

export interface FakeGpu {
  /** As the daemon finds them, trial encodes included. */
  tools(hardware: 'vaapi' | 'qsv' | 'nvenc'): Promise<Tools>;
  set(fault: Fault): Promise<void>;
  /** Every command line for the device so far, and the variables of drivers it came with. */
  calls(): Promise<string[]>;
}

export async function fakeGpu(dir: string, like: Like): Promise<FakeGpu> {
  const real = await realTools();
  const [ffmpeg, device, fault, log] = ['bin/ffmpeg', 'renderD128', 'fault', 'calls'].map(name => join(dir, name)) as [
    string,
    string,
    string,
    string,
  ];
  await mkdir(join(dir, 'bin'), { recursive: true });
  await writeFile(device, '');
  await writeFile(log, '');
  await writeFile(ffmpeg, script({ real: real.ffmpeg, like, fault, log }));
  await chmod(ffmpeg, 0o755);
  const set = async (to: Fault) => await writeFile(fault, to);
  await set('none');
  return {
    set,
    tools: async hardware =>
      await findTools({ ffmpeg, ffprobe: real.ffprobe, hardware, ...(hardware !== 'nvenc' && { device }) }),
    calls: async () => (await readFile(log, 'utf8')).split('\n').filter(Boolean),
  };
}

/** A shell script, because what it execs must inherit the descriptors of the inputs. */
function script({ real, like, fault, log }: { real: string; like: Like; fault: string; log: string }): string {
  return `#!/bin/sh
case " $* " in *" -c:v h264_"*|*" -c:v hevc_"*) ;; *) exec '${real}' "$@" ;; esac
echo "$(env | grep -E '^(LIBVA|CUDA)' | tr '\\n' ' ')$(ulimit -v) $*" >> '${log}'
like='${like}'; fault=$(cat '${fault}'); rate=; step=; codec=h264; before=
for one; do
  case $before in -b:v) rate=$one ;; -qp|-global_quality|-q:v|-cq) step=$one ;; -c:v) case $one in hevc_*) codec=hevc ;; esac ;; esac
  before=$one
done
[ "$rate" != 0 ] || rate=
case $like.$rate in wild.?*) if [ $(($(wc -l < '${log}') % 2)) = 0 ]; then rate=$((rate * 13 / 10)); else rate=$((rate * 8 / 10)); fi ;; esac
last=$before
case $fault in
  denied) echo "[AVHWDeviceContext @ 0x1] Failed to open $0: Permission denied" >&2; exit 1 ;;
  init) echo '[AVHWDeviceContext @ 0x1] Failed to initialise VAAPI connection: -1 (unknown libva error).' >&2; exit 1 ;;
  old-chip) echo '[h264_vaapi @ 0x1] No usable encoding entrypoint found for profile VAProfileH264High (7).' >&2; exit 1 ;;
  hang) exec sleep 600 ;;
  garbage) case $last in file:*) head -c 60000 /dev/urandom > "\${last#file:}"; exit 0 ;; esac ;;
esac
case $like.$rate in
  cqp.?*) echo '[h264_vaapi @ 0x1] Driver does not support VBR RC mode (supported modes: CQP).' >&2; exit 1 ;;
esac
case " $* " in *" ICQ "*) echo '[h264_vaapi @ 0x1] Driver does not support ICQ RC mode.' >&2; exit 1 ;; esac
count=$#; before=
while [ "$count" -gt 0 ]; do
  one=$1; shift; count=$((count - 1))
  case $before in -init_hw_device|-filter_hw_device|-rc_mode|-rc|-gpu|-b:v|-maxrate|-bufsize|-qp|-global_quality|-q:v|-cq|-c:v|-tag:v) before=; continue ;; esac
  before=$one
  case $one in
    -init_hw_device|-filter_hw_device|-rc_mode|-rc|-gpu|-b:v|-maxrate|-bufsize|-qp|-global_quality|-q:v|-cq|-c:v|-tag:v) continue ;;
    *,hwupload*) one=\${one%%,hwupload*} ;;
  esac
  case $fault.$one in green.*format=nv12) one="$one,drawbox=color=green:t=fill" ;; esac
  [ "$count" -gt 0 ] || break
  set -- "$@" "$one"
done
set -- "$@" -pix_fmt yuv420p
if [ $codec = hevc ]; then
  set -- "$@" -c:v libx265 -preset ultrafast -tag:v hvc1 -x265-params log-level=error
  [ -z "$rate" ] && set -- "$@" -qp "$step" || set -- "$@" -b:v "$rate"
elif [ -z "$rate" ]; then set -- "$@" -c:v libx264 -preset veryfast -tune zerolatency -qp "$step"
elif [ $like = mpeg4 ]; then set -- "$@" -c:v mpeg4 -enc_time_base 0 -b:v "$rate"
else
  set -- "$@" -c:v libx264 -preset veryfast -tune zerolatency -b:v "$rate"
  case $like in
    vbv) set -- "$@" -maxrate "$rate" -bufsize "$rate" ;;
    cbr) set -- "$@" -minrate "$rate" -maxrate "$rate" -bufsize "$rate" -x264-params nal-hrd=cbr ;;
  esac
fi
case $fault in
  broken) set -- "$@" -bsf:v noise=amount=200 ;;
  frame)
    '${real}' "$@" -frames:v 20 "$last"
    echo '[h264_vaapi @ 0x1] Failed to end picture encode issue: 24 (internal encoding error).' >&2; exit 1 ;;
esac
exec '${real}' "$@" "$last"
`;
}
