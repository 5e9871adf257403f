package envoy

import (
	"context"
	"slices"
	"sync"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"

	"github.com/claimgate/claimgate/authz"
)

// wireServer answers checks from bytes to bytes: what is read of a request
// aliases the buffers that it came in, and all that a check needs is used again
// for a later one.
type wireServer struct {
	*Server

	types     *wireTypes
	overwrite bool // buffers that were freed
	info      grpc.UnaryServerInfo
	exchanges sync.Pool
	replies   replies
}

func newWireServer(s *Server, overwrite bool) *wireServer {
	w := &wireServer{Server: s, types: newWireTypes(), overwrite: overwrite}
	w.info = grpc.UnaryServerInfo{Server: w, FullMethod: authv3.Authorization_Check_FullMethodName}
	w.replies.overwrite = overwrite
	return w
}

// serviceDesc is that of generated code but for the handler of Check.
func (w *wireServer) serviceDesc() *grpc.ServiceDesc {
	desc := authv3.Authorization_ServiceDesc
	desc.Methods = slices.Clone(desc.Methods)
	for i := range desc.Methods {
		if desc.Methods[i].MethodName == "Check" {
			desc.Methods[i].Handler = handleCheck
		}
	}
	return &desc
}

// handleCheck is a grpc.MethodHandler.
//
//nolint:revive // the order of parameters is that of gRPC
func handleCheck(srv any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
	w := srv.(*wireServer)
	e := w.exchange()
	if err := decode(e); err != nil {
		e.end()
		return nil, err // of the transport; what cannot be decoded is none
	}
	if interceptor == nil {
		return answerExchange(ctx, e)
	}
	return interceptor(ctx, e, &w.info, answerExchange)
}

// answerExchange is a grpc.UnaryHandler. It returns a *reply.
func answerExchange(ctx context.Context, req any) (any, error) {
	e := req.(*exchange)
	defer e.end()
	e.home.answer(ctx, &e.call, e)
	r := e.reply
	e.reply = nil
	return r, nil
}

// keptContextPairs is the greatest number of pairs for which the room is kept.
const keptContextPairs = 32

// exchange is the form of one check in bytes. It holds the buffer of its
// request from receive to end.
type exchange struct {
	call

	home    *wireServer
	message message
	decoder decoder    // of the message
	held    mem.Buffer // what the message aliases; nil: nothing
	decoded bool
	reply   *reply
}

func (w *wireServer) exchange() *exchange {
	e, ok := w.exchanges.Get().(*exchange)
	if !ok {
		e = &exchange{home: w, message: message{context: make(map[string]string)}}
		e.decoder = decoder{message: &e.message, types: w.types}
	}
	e.reply = w.replies.get()
	return e
}

// receive decodes a request. One that cannot be decoded is an empty one.
func (e *exchange) receive(data mem.BufferSlice) {
	e.drop() // a client may send a second message, which gRPC then refuses
	e.held = data.MaterializeToBuffer(mem.DefaultBufferPool())
	if e.decoded = e.decode(e.held.ReadOnlyData()); !e.decoded {
		e.decoder.reset()
	}
}

func (e *exchange) decode(b []byte) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	return e.decoder.decode(b)
}

func (e *exchange) read(req *authz.Request) { requestFrom(&e.message, req) }

func (e *exchange) say(c *call) error {
	encoded, err := e.home.responder.appendAnswer(e.reply.buf[:0], &c.request, &c.decision)
	if err == nil {
		e.reply.buf = encoded
	}
	return err
}

func (e *exchange) refuse(req *authz.Request, reason authz.Reason) {
	plain := e.home.responder.plainDenial(req, reason)
	e.reply.buf, _ = appendDenied(e.reply.buf[:0], &plain, nil) // fails by a decision only
}

// drop lets go of the request: nothing of it may be read after that.
func (e *exchange) drop() {
	if e.held == nil {
		return
	}
	e.decoder.reset()
	if e.home.overwrite {
		overwriteAll(e.held.ReadOnlyData())
	}
	e.held.Free()
	e.held = nil
}

// end makes the exchange ready for another request.
func (e *exchange) end() {
	if e.reply != nil {
		e.home.replies.pool.Put(e.reply)
		e.reply = nil
	}
	e.clear()
	e.home.exchanges.Put(e)
}

// clear forgets the request and what became of it.
func (e *exchange) clear() {
	e.request = authz.Request{}
	e.decision.Reset()
	e.fault, e.decoded = nil, false
	e.drop()
}

// String keeps what a request holds out of traces.
func (e *exchange) String() string { return "CheckRequest" }

// reset empties the message but keeps its room.
func (m *message) reset() {
	if len(m.context) > keptContextPairs {
		m.context = make(map[string]string) // to clear a large one would cost every request
	}
	clear(m.context)
	clear(m.lines)
	*m = message{context: m.context, lines: m.lines[:0]}
}
