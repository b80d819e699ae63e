package keys
import ("testing";"time";"math/big";"crypto/elliptic";"crypto/ecdsa";"crypto/rand";"crypto/sha256";"fmt")
func best(f func()) time.Duration { m:=time.Hour; for range 3000 { s:=time.Now(); f(); if d:=time.Since(s); d<m {m=d} }; return m }
func TestScratch(t *testing.T) {
	a,b:=base().rows[0][3].x, base().rows[1][5].y
	c,d:=base().rows[2][3].x, base().rows[3][5].y
	fmt.Println("dep mul x100", best(func(){ x:=a; for range 100 { x.mul(&x,&b)}; a[0]^=x[0]&1 ^x[0]&1 }))
	fmt.Println("indep mul 2x50", best(func(){ x,y:=a,c; for range 50 { x.mul(&x,&b); y.mul(&y,&d)}; a[0]^=x[0]&1^x[0]&1 }))
	n:=elliptic.P256().Params().N
	s,_:=rand.Int(rand.Reader,n)
	fmt.Println("ModInverse", best(func(){ new(big.Int).ModInverse(s,n)}))
	k,_:=ecdsa.GenerateKey(elliptic.P256(),rand.Reader)
	h:=sha256.Sum256([]byte("x"))
	r,s2,_:=ecdsa.Sign(rand.Reader,k,h[:])
	tb:=newTable(&k.PublicKey)
	fmt.Println("verify", best(func(){ tb.verify(h[:],r,s2)}))
	var u [32]byte; rand.Read(u[:])
	var room [66]affine
	e:=tb.gather(base().gather(room[:0],&u),&u)
	fmt.Println("gather", best(func(){ tb.gather(base().gather(room[:0],&u),&u)}))
	fmt.Println("sum", len(e), best(func(){ sum(e)}))
	fmt.Println("ecdsa.Verify", best(func(){ ecdsa.Verify(&k.PublicKey,h[:],r,s2)}))
	z:=jacobian{base().rows[0][3].x, base().rows[1][5].y,elementOne}
	fmt.Println("invert p", best(func(){ var q element; q.invert(&z.x)}))
}
