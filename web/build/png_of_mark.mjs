/** Draws the mark as PNG for home screens that want no SVG: distance to the two arcs, white on brand. */

const BRAND = [11, 110, 99];
const CRC = new Uint32Array(256).map((_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  let crc = 0xffffffff;
  for (const byte of body) crc = CRC[(crc ^ byte) & 255] ^ (crc >>> 8);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE((crc ^ 0xffffffff) >>> 0, 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}

/** Circle through two points with the given radius; `sweep` as in an SVG arc (short arc). */
function arc([x1, y1], [x2, y2], radius, sweep) {
  const half = Math.hypot(x2 - x1, y2 - y1) / 2;
  const rise = Math.sqrt(Math.max(radius ** 2 - half ** 2, 0)) * (sweep ? 1 : -1);
  const centre = [
    (x1 + x2) / 2 - (rise * (y2 - y1)) / (2 * half),
    (y1 + y2) / 2 + (rise * (x2 - x1)) / (2 * half),
  ];
  return {
    ends: [
      [x1, y1],
      [x2, y2],
    ],
    centre,
    radius,
    left: !sweep,
  };
}

/** The same two arcs as src/brand/mark.svg, in its 24 × 24 field. */
const ARCS = [arc([10.5, 3.5], [10.5, 20.5], 8.7, false), arc([15, 7], [15, 17], 5.6, true)];

function distance(x, y, { ends, centre, radius, left }) {
  const onSide = left ? x <= ends[0][0] : x >= ends[0][0];
  if (onSide) return Math.abs(Math.hypot(x - centre[0], y - centre[1]) - radius);
  return Math.min(...ends.map(([ex, ey]) => Math.hypot(x - ex, y - ey)));
}

export function pngOfMark(size, deflate) {
  const scale = (size * 12) / 512;
  const inset = (size * 112) / 512;
  const rows = Buffer.alloc(size * (size * 3 + 1));
  let at = 0;
  for (let py = 0; py < size; py++) {
    rows[at++] = 0;
    for (let px = 0; px < size; px++) {
      const x = (px + 0.5 - inset) / scale;
      const y = (py + 0.5 - inset) / scale;
      const near = Math.min(...ARCS.map((a) => distance(x, y, a)));
      const white = Math.min(Math.max((1.5 - near) * scale + 0.5, 0), 1);
      for (const channel of BRAND) rows[at++] = Math.round(channel + (255 - channel) * white);
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(size, 0);
  head.writeUInt32BE(size, 4);
  head.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", head),
    chunk("IDAT", deflate(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}
