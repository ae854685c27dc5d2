/** The look of a drawn chart. Two inks and a paper for light and for dark ground; both pairs are told apart without colour vision. */

const ink = (paper: string, text: string, faint: string, grid: string) =>
  `.ground{fill:${paper}}.halo{stroke:${paper}}text{fill:${text}}.subtitle,.unit,.tick,.legend{fill:${faint}}.grid{stroke:${grid}}.axis{stroke:${faint}}`;

const tones = (pace: string, latency: string, other: string) =>
  `.line.pace{stroke:${pace}}.line.read{stroke:${pace}}.area.read,.area.pace{fill:${pace}}` +
  `.line.latency{stroke:${latency}}.area.latency{fill:${latency}}.line.other{stroke:${other}}.area.other{fill:${other}}`;

const marks = (slower: string, faster: string, event: string, number: string) =>
  `.mark.slower{stroke:${slower}}.dot.slower{fill:${slower}}.mark.faster{stroke:${faster}}.dot.faster{fill:${faster}}` +
  `.mark.event{stroke:${event}}.dot.event{fill:${event}}.number{fill:${number}}`;

export const SVG_STYLE = [
  'text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;font-size:15px}',
  '.title{font-size:24px;font-weight:650}.panel{font-size:17px;font-weight:600}.unit{font-weight:400}.subtitle,.legend{font-size:15px}',
  '.tick{font-size:14px}.value{text-anchor:end}.time,.number,.spanlabel,.gaplabel{text-anchor:middle}.end{text-anchor:end}',
  '.number{font-size:12.5px;font-weight:700}.marklabel{font-size:14px;font-weight:500}.gaplabel,.spanlabel{font-size:15px;font-weight:500}',
  '.grid{stroke-width:1}.axis{stroke-width:1.2}.line{fill:none;stroke-width:2.6;stroke-linejoin:round}.thin{stroke-width:1.2}',
  '.area{stroke:none;fill-opacity:.26}.mark{stroke-width:1.4;stroke-dasharray:3 4}',
  '.halo{stroke-width:5;stroke-linejoin:round;paint-order:stroke}',
  ink('#ffffff', '#1c2330', '#566072', '#e4e8ee'),
  tones('#0b7a5c', '#b3246b', '#3b63c4'),
  marks('#c2410c', '#0b7a5c', '#566072', '#ffffff'),
  '.span{fill:#f5a524;fill-opacity:.14}.spanlabel{fill:#8a5300}.gap{fill:#c2410c;fill-opacity:.07}.gaplabel{fill:#a8370a}',
  '@media (prefers-color-scheme:dark){',
  ink('#10151d', '#eef1f6', '#a3aec0', '#26303d'),
  tones('#34d399', '#f472b6', '#8ab0ff'),
  marks('#fb923c', '#34d399', '#a3aec0', '#10151d'),
  '.span{fill:#fbbf24;fill-opacity:.12}.spanlabel{fill:#fcd34d}.gap{fill:#fb923c;fill-opacity:.1}.gaplabel{fill:#fdba74}}',
  // Shown small: fewer and larger words.
  '@media (max-width:560px){.wide,.minor{display:none}.title{font-size:28px}.panel{font-size:30px}.tick{font-size:26px}',
  '.gaplabel{font-size:28px}.line{stroke-width:4}.thin{stroke-width:2}.mark{stroke-width:2.5}}',
].join('');
