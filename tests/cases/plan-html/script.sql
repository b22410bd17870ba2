-- </code><script>alert(1)</script>
TRUNCATE "ev<il>";
