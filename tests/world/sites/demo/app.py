"""A site of the world's own test."""
from app_server import App, main


class Demo(App):
    routes = {("GET", "/api/bookings"): "bookings", ("GET", "/api/bookings/{id}"): "booking",
              ("POST", "/api/bookings"): "add"}

    def bookings(self, request):
        status = request.query.get("status", "open")
        rows = self.sql("SELECT id, price FROM bookings WHERE status = :'status'", status=status)
        return {"rows": rows}

    def booking(self, request):
        self.need(request, "super_admin")
        return self.sql("SELECT * FROM bookings WHERE id = :'id'::int", id=request.params["id"])

    def add(self, request):
        self.need(request, "super_admin")
        self.sql("INSERT INTO bookings (status, price) VALUES ('open', :'price')",
                 price=request.json["price"])
        return 201, {"ok": True}


main(Demo)
