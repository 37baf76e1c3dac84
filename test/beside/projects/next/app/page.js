export default function Page() {
  return <h1>Squares</h1>;
}
