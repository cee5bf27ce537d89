const WIDTH = 84;
const HEIGHT = 22;

/** Counts as small bars beside a number; without axes, it says in words what it shows. */
export function Bars({ values, label }: { values: readonly number[]; label: string }) {
  const most = Math.max(1, ...values);
  const step = WIDTH / values.length;
  return (
    <svg className="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      {values.map((value, index) => {
        const height = value === 0 ? 0 : Math.max(2, (value / most) * (HEIGHT - 2));
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: a bar is its place
          <rect key={index} x={index * step} y={HEIGHT - height} width={Math.max(1, step - 1)} height={height} />
        );
      })}
      <line x1="0" x2={WIDTH} y1={HEIGHT - 0.4} y2={HEIGHT - 0.4} />
    </svg>
  );
}
