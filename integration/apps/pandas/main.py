import pandas

frame = pandas.DataFrame({"city": ["Bergen", "Oslo", "Bergen", "Oslo"], "rain": [9.5, 2.0, 12.5, 4.0]})
print(frame.groupby("city")["rain"].mean().to_string())
