/** The page's few signs, drawn as lines in the colour of the text; whoever uses one names it in words. */
const PATHS = {
  play: 'M6 4l10 6-10 6z',
  pause: 'M7 4v12M13 4v12',
  download: 'M10 3v9m0 0l-4-4m4 4l4-4M4 16.5h12',
  top: 'M4 4h12M10 16V8m0 0l-4 4m4-4l4 4',
  up: 'M10 16V5m0 0l-5 5m5-5l5 5',
  down: 'M10 4v11m0 0l-5-5m5 5l5-5',
  sliders: 'M3 6h8m4 0h2M3 14h2m4 0h8M13 4v4M7 12v4',
  grip: 'M7 5v.01M7 10v.01M7 15v.01M13 5v.01M13 10v.01M13 15v.01',
  alert: 'M10 3.2L18 17H2zM10 8.5v3.5m0 2.4v.1',
  plus: 'M10 4v12M4 10h12',
  shelf: 'M3 16.5h14M5 4v12.5M9 4v12.5M12.2 4.6l3.6 11.9',
  film: 'M3 5h14v10H3zM7 5v10M13 5v10M3 10h4M13 10h4',
} as const;

export function Icon({ of }: { of: keyof typeof PATHS }) {
  return (
    <svg class={`icon ${of}`} viewBox="0 0 20 20" width="18" height="18" aria-hidden="true" focusable="false">
      <path d={PATHS[of]} />
    </svg>
  );
}
