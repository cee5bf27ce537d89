const WIDTH = 84;
const HEIGHT = 22;

/** A small line without axes, which stands beside its number. */
export function Spark({ values, label, bad = false }: { values: readonly number[]; label: string; bad?: boolean }) {
  const most = Math.max(1, ...values);
  const step = values.length < 2 ? WIDTH : WIDTH / (values.length - 1);
  const points = values.map(
    (value, index) => `${(index * step).toFixed(1)} ${(HEIGHT - 1 - (value / most) * (HEIGHT - 3)).toFixed(1)}`,
  );
  const line = points.length === 0 ? "" : `M${points.join("L")}`;
  return (
    <svg className={bad ? "spark bad" : "spark"} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      {line !== "" && <path className="area" d={`${line}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}z`} />}
      {line !== "" && <path d={line} />}
    </svg>
  );
}
